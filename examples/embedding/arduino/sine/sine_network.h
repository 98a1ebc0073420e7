/* sine: a neural network in C, written by scratchnn 0.1.0. C99, and C++; it needs libm alone.
 *
 * network     1 -> 16 tanh -> 16 tanh -> 1 identity, 321 parameters, float32 in Python
 * loss        mean_squared_error
 * computes    what network.predict computes of a row, in float
 * inputs      1 float, unchecked
 *             as network.predict takes them
 *             inside, input i becomes (x - sine_input_shift[i]) * sine_input_scale[i]
 * outputs     1 float
 *             of each target a number, in its units
 * weights     int8, each a step from -127 to 127 times its neuron's scale; all else is float32, sums too
 *             error against the network itself, measured on the 17 rows of the self-test, largest 0.00419,
 *             mean 0.00159
 * memory      constants 568 bytes, without the rows of the self-test; nothing is allocated, nothing is
 *             kept
 *             stack 128 bytes of buffers in sine_predict, and what the compiler adds for its calls
 * work        288 multiplications and additions a row
 *
 * One row, in any number of threads at once; inputs and outputs must not overlap:
 *
 *     float inputs[SINE_INPUTS], outputs[SINE_OUTPUTS];
 *     sine_predict(inputs, outputs);
 *
 * Compile it:  cc -std=c99 -O2 -c sine.c        and link with -lm; or include it in one source file.
 * For the declarations alone, in other files:  #define SINE_DECLARATIONS, and include it.
 *
 * Self-test:   cc -std=c99 -O2 -DSINE_TEST sine.c -lm -o sine_test && ./sine_test
 * It runs 17 rows, prints the largest difference from what Python gave for them, and returns 1 where one
 * is beyond its output's tolerance, 0.0043: the bound of eq. 130 to 132 in docs/math.md for rounding in C
 * and in Python, and the error of the weights.
 */

#ifndef SINE_INPUTS
#define SINE_INPUTS 1
#define SINE_OUTPUTS 1
#ifdef __cplusplus
extern "C" {
#endif
/* Compute SINE_OUTPUTS outputs of SINE_INPUTS inputs. */
void sine_predict(const float *inputs, float *outputs);
#ifdef __cplusplus
}
#endif
#endif

#if !defined(SINE_DECLARATIONS) && !defined(SINE_DEFINED)
#define SINE_DEFINED
#include <math.h>
#include <stddef.h>
#include <stdint.h>

static const double sine_input_shift[1] = {
    3.1415926535897931
};
static const double sine_input_scale[1] = {
    0.31830988618379069
};
/* Layer 0: 1 -> 16 tanh */
static const int8_t sine_weights_0[16] = {
    127, 127, 127, 127, 127, 127, 127, 127, -127, 127, -127, 127, 127, -127, -127, -127
};
static const float sine_scales_0[16] = {
    0.000537627784f, 0.00248200307f, 0.0148532158f, 0.00253593433f, 0.00249578804f, 0.00254454091f,
    0.00196447619f, 0.00247525121f, 0.00249869702f, 0.00250444748f, 0.00272768224f, 0.00207687519f,
    0.00237130467f, 0.00247883168f, 4.68906001e-06f, 0.0020913952f
};
static const float sine_biases_0[16] = {
    -0.00276117492f, -0.00631653378f, 0.0112582687f, -0.00700044911f, 0.0161138605f, -0.00794001296f,
    -0.0101840338f, -0.00641318923f, -0.00412602024f, 0.019404877f, 0.0026567257f, -0.00702403765f,
    -0.00689734658f, -0.0417796001f, 0.0071367193f, -0.00628840504f
};
/* Layer 1: 16 -> 16 tanh */
static const int8_t sine_weights_1[256] = {
    1, -49, 127, -32, -35, 23, -8, -92, 99, -98, -24, 5, -103, 118, -51, 17, 79, 40, -39, 44, 50, 79, 45, 58,
    -72, 22, -83, 35, 60, -127, 17, -84, -33, -92, 83, -118, -60, -114, -81, -106, 96, -33, 127, -111, -108,
    30, 53, 44, 44, -18, 0, -127, 33, -50, -81, -25, 34, 39, 65, 38, 1, 34, -1, 88, -55, 48, -110, 80, 91,
    82, 127, 67, 23, -19, -74, -17, 79, -82, -7, 0, -47, 73, 17, -9, 127, 40, 2, -31, -76, -11, -34, 18, -25,
    28, -39, -91, 23, 84, -127, -12, 86, 47, 8, 24, -75, 73, -81, 34, 85, -3, 28, -52, -32, 60, -127, 111,
    -3, 30, 38, -20, -37, 13, -45, 43, 106, -117, 36, -38, -55, 26, 107, 15, -108, -48, -4, -20, -7, -40, 75,
    -127, -125, 70, -28, 22, -97, 4, -18, -34, -14, 51, 14, -127, 85, -89, 6, -61, 9, 0, -42, -49, -49, -95,
    127, -13, 20, -30, 21, -118, 21, -51, 90, -93, -76, -3, 77, 6, 4, -11, 127, -71, -77, -114, -32, -71, 6,
    -39, 107, -30, -18, 52, 82, -9, -93, 32, 88, -36, -112, 32, -68, -19, 97, -89, -9, -127, -69, -6, -65, 2,
    76, 68, -127, 53, 65, 70, -19, 41, -52, 66, -61, 41, -44, -34, -7, -22, 39, 5, -29, 47, 10, 7, -38, 29,
    -85, -4, -44, 127, 18, -4, 42, -45, -30, -86, 116, -116, -127, -81, -45, -74, 95, -111, 92, -98, -64, 86,
    -25, 4
};
static const float sine_scales_1[16] = {
    0.00569734955f, 0.00803646911f, 0.00682568084f, 0.00487044593f, 0.0043612225f, 0.00494160689f,
    0.00481511187f, 0.00574047677f, 0.00476687448f, 0.00525865983f, 0.00611795252f, 0.00505250879f,
    0.00516061299f, 0.00690494198f, 0.00563915959f, 0.00739565166f
};
static const float sine_biases_1[16] = {
    0.0132447779f, 0.154010788f, 0.206705227f, -0.00125127297f, -0.00595249282f, 0.00531359483f,
    0.0112178689f, -0.00880894437f, 0.0199241452f, 0.0108752381f, -0.00834806729f, 0.00855929218f,
    0.0166445076f, 0.00714234728f, 0.0320324302f, -0.0547559038f
};
/* Layer 2: 16 -> 1 identity */
static const int8_t sine_weights_2[16] = {
    -75, -89, 123, -52, 79, 35, 66, 98, -38, -30, -61, -127, -59, 89, 33, 115
};
static const float sine_scales_2[1] = {
    0.00691471761f
};
static const float sine_biases_2[1] = {
    -0.0197651703f
};

/* z = x W + b, one neuron after another: its weights stand side by side, as steps of its scale. */
static void sine_dense(const int8_t *weights, const float *scales, const float *biases, size_t n_inputs,
                 size_t n_outputs, const float *x, float *z)
{
    size_t i, j;

    for (j = 0; j < n_outputs; j++, weights += n_inputs) {
        float sum = 0.0f;
        for (i = 0; i < n_inputs; i++)
            sum += x[i] * (float)weights[i];
        z[j] = scales[j] * sum + (biases ? biases[j] : 0.0f);
    }
}

static float sine_tanh(float z)
{
    return tanhf(z);
}

void sine_predict(const float *inputs, float *outputs)
{
    float front[16];
    float back[16];
    size_t j;

    for (j = 0; j < SINE_INPUTS; j++)
        back[j] = (float)(((double)inputs[j] - sine_input_shift[j]) * sine_input_scale[j]);
    sine_dense(sine_weights_0, sine_scales_0, sine_biases_0, 1, 16, back, front);
    for (j = 0; j < 16; j++)
        front[j] = sine_tanh(front[j]);
    sine_dense(sine_weights_1, sine_scales_1, sine_biases_1, 16, 16, front, back);
    for (j = 0; j < 16; j++)
        back[j] = sine_tanh(back[j]);
    sine_dense(sine_weights_2, sine_scales_2, sine_biases_2, 16, 1, back, outputs);
}

#ifdef SINE_TEST
#include <stdio.h>

static const float sine_test_rows[17 * SINE_INPUTS] = {
    0.0f, 0.392699003f, 0.785398006f, 1.17809701f, 1.57079601f, 1.96349502f, 2.35619402f, 2.74889398f,
    3.14159298f, 3.53429198f, 3.92699099f, 4.31969023f, 4.71238899f, 5.10508823f, 5.497787f, 5.89048576f,
    6.28318501f
};
static const float sine_test_outputs[17 * SINE_OUTPUTS] = {
    -0.00105426798f, 0.383292556f, 0.706154525f, 0.923593283f, 1.00073409f, 0.924366891f, 0.706987441f,
    0.38223961f, -0.000545000366f, -0.382521242f, -0.706077516f, -0.923624754f, -1.00110078f, -0.924358249f,
    -0.70627284f, -0.382868588f, 0.000769696257f
};
static const double sine_test_tolerance[SINE_OUTPUTS] = {
    0.0043252645868110933
};

int main(void)
{
    double worst = 0.0, largest = 0.0;
    size_t row, j, row_of_worst = 0, output_of_worst = 0;

    for (row = 0; row < 17; row++) {
        float outputs[SINE_OUTPUTS];
        sine_predict(sine_test_rows + row * SINE_INPUTS, outputs);
        for (j = 0; j < SINE_OUTPUTS; j++) {
            double difference = fabs((double)outputs[j] - (double)sine_test_outputs[row * SINE_OUTPUTS + j]);
            double share = difference / sine_test_tolerance[j];
            if (largest == largest && !(difference <= largest)) /* NaN is the largest, and stays */
                largest = difference;
            if (worst == worst && !(share <= worst)) {
                worst = share;
                row_of_worst = row;
                output_of_worst = j;
            }
        }
    }
    printf("sine: %lu rows, largest difference %.3g\n", (unsigned long)17, largest);
    if (!(worst <= 1.0)) {
        printf("FAILED: row %lu, output %lu: %.3g of its tolerance, %.3g\n", (unsigned long)row_of_worst,
               (unsigned long)output_of_worst, worst, sine_test_tolerance[output_of_worst]);
        return 1;
    }
    printf("passed: at most %.3g of the tolerance\n", worst);
    return 0;
}
#endif
#endif
