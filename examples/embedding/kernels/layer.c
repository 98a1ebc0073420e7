/* One dense layer and one step of it from C, without Python, on the best kernels that this machine can run.
 *
 *     make kernels                                        in the repository: build/kernels/libscratchnn_kernels.a
 *     cc -I csrc examples/embedding/kernels/layer.c build/kernels/libscratchnn_kernels.a -lm */
#include <kernels.h>
#include <stdio.h>
#include <string.h>

enum { ROWS = 3, INPUTS = 4, OUTPUTS = 2 };

static const snn_kernels *best(void) {
    const snn_isa *isa = snn_isas;
    while (!isa->available()) isa++; /* the last one always is */
    return isa->float64;
}

static int index_of_tanh(const snn_kernels *k) {
    int i = 0;
    while (strcmp(k->activations[i].name, "tanh")) i++;
    return i;
}

int main(void) {
    const double x[ROWS][INPUTS] = {{1, 2, 3, 4}, {0, -1, 0.5, 2}, {-2, 0, 1, -1}};
    double w[INPUTS][OUTPUTS] = {{0.1, -0.2}, {0.3, 0.4}, {-0.5, 0.6}, {0.7, -0.8}}, b[OUTPUTS] = {0.5, -0.5};
    double z[ROWS][OUTPUTS], a[ROWS][OUTPUTS], dw[INPUTS][OUTPUTS];
    const snn_kernels *k = best();
    k->affine(ROWS, INPUTS, OUTPUTS, x, INPUTS, 1, w, OUTPUTS, b, z, OUTPUTS);
    k->activations[index_of_tanh(k)].value(ROWS * OUTPUTS, z, a, 0);
    k->grad_weights(ROWS, INPUTS, OUTPUTS, x, INPUTS, 1, a, OUTPUTS, dw, OUTPUTS);
    for (int i = 0; i < ROWS; i++) printf("%.17g %.17g\n", a[i][0], a[i][1]);
    for (int i = 0; i < INPUTS; i++) printf("%.17g %.17g\n", dw[i][0], dw[i][1]);
    fprintf(stderr, "%s\n", k->isa);
    return 0;
}
