/* scratchnn for C and C++: one network's predictions, steps and gradients, below Python and without the GIL.
 *
 * An engine is made in Python, scratchnn.Engine(network, optimizer="adam", batch_size=32), and handed over as an object.
 * In the module's init, or before the first use, with the GIL:
 *
 *     #include <Python.h>
 *     #include <scratchnn.h>                            the folder is scratchnn.get_include()
 *
 *     const scratchnn_api *snn = scratchnn_import();    NULL, and an exception is set
 *     scratchnn_engine *engine = snn->engine_of(object);    NULL, and a TypeError is set
 *
 * and then, without the GIL:
 *
 *     scratchnn_samples samples = {.itemsize = sizeof(float), .n = n, .n_inputs = 4, .n_targets = 1, .x = x, .y = y,
 *                                  .x_row = 4 * sizeof(float), .y_row = sizeof(float)};
 *     double loss;
 *     int status = snn->train_epoch(engine, &samples, NULL, &loss);
 *
 * Ownership: an engine belongs to its Python object, and a handle is valid as long as that is. It computes on the network's own
 * parameters. What functions are given stays the caller's; nothing is kept after they return.
 *
 * Threads: a function needs no GIL and takes no lock. An engine is for one thread at a time, and makes no other. Several engines
 * of one network may predict at once, as long as none trains.
 *
 * Errors: functions return a scratchnn_status. After SCRATCHNN_INVALID nothing has changed. No function allocates.
 *
 * Numbers: all are of the network's dtype, float or double. The bits are those of network.train and network.predict. */

#ifndef SCRATCHNN_H
#define SCRATCHNN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A table of another version has other functions. One of this version may have more at its end. */
#define SCRATCHNN_ABI 1

typedef struct scratchnn_engine scratchnn_engine;

typedef enum scratchnn_status {
    SCRATCHNN_OK = 0,
    SCRATCHNN_INVALID = 1,    /* what was given does not fit: see each function */
    SCRATCHNN_NOT_FINITE = 2, /* the loss is infinite or not a number; parameters may be, then or soon */
    SCRATCHNN_MISSING = 3     /* the engine has no optimizer, or the layer has no such parameters */
} scratchnn_status;

/* n rows of inputs with what belongs to them. Columns lie one after another, rows any number of bytes apart. */
typedef struct scratchnn_samples {
    size_t itemsize; /* sizeof(float) or sizeof(double), that of the engine */
    size_t n;        /* at least 1 */
    size_t n_inputs,
        n_targets; /* columns of x and y, those of the engine; without y n_targets does not matter */
    const void *x;
    ptrdiff_t x_row; /* bytes from one row to the next */
    const void *y;   /* or NULL, and */
    ptrdiff_t y_row;
    const int64_t *labels; /* the class of each row, 0 ... n_targets - 1; else NULL */
    const void
        *weights; /* the weight of each row, at least 0; NULL for ones, and in an engine without them */
} scratchnn_samples;

/* A matrix in the engine's memory; a vector is a matrix of one row. */
typedef struct scratchnn_array {
    void *data;
    size_t rows, columns;
    ptrdiff_t row; /* bytes from one row to the next */
} scratchnn_array;

typedef struct scratchnn_shape {
    size_t itemsize; /* 4 for float, 8 for double */
    size_t n_inputs;
    size_t n_outputs;
    size_t n_targets; /* n_outputs, or fewer where the loss has several outputs for a target */
    size_t n_layers;
    size_t batch_size; /* the most samples of a step */
} scratchnn_shape;

typedef enum scratchnn_parameter {
    SCRATCHNN_WEIGHTS = 0, /* n_inputs rows, n_outputs columns of the layer */
    SCRATCHNN_BIASES = 1,
    SCRATCHNN_GAIN = 2, /* of a layer that is normalised */
    SCRATCHNN_SHIFT = 3
} scratchnn_parameter;

struct _object; /* PyObject */

typedef struct scratchnn_api {
    uint32_t abi;  /* SCRATCHNN_ABI */
    uint32_t size; /* of this table, in bytes */

    /* The handle of a scratchnn.Engine, or NULL with a TypeError set. Needs the GIL, which nothing else here does. */
    scratchnn_engine *(*engine_of)(struct _object *object);

    scratchnn_shape (*shape)(const scratchnn_engine *engine);

    /* The n_outputs outputs of each of n rows, without gaps: what network.predict gives. Values are not looked at. INVALID where
     * a pointer is NULL. */
    int (*predict)(scratchnn_engine *engine, size_t n, const void *x, ptrdiff_t x_row, void *outputs);

    /* One step on all samples, n <= batch_size, and its loss before the step, penalties included. INVALID where n, the
     * itemsize or a number of columns does not fit, x is missing, there are not either targets or labels, a label is out of range, samples have weights
     * and the engine does not expect them, or a batch that normalises a layer has a single sample; MISSING without an optimizer. */
    int (*train_step)(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss);

    /* One epoch of such steps on batches of batch_size, the last one smaller, and the mean loss. Samples are taken in the order of
     * n indices, which may repeat, or with NULL one after another. It ends after a step whose loss is not finite. INVALID also
     * where an index is out of range. */
    int (*train_epoch)(scratchnn_engine *engine, const scratchnn_samples *samples, const int64_t *order,
                       double *loss);

    /* The gradient that train_step would follow, into memory of the engine's (`array`), and the loss. */
    int (*gradient)(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss);

    /* Where parameters of a layer are, or with `of_gradient` what `gradient` found for them. They may be written. MISSING where
     * the layer has none. */
    int (*array)(scratchnn_engine *engine, size_t layer, int parameter, int of_gradient,
                 scratchnn_array *array);

    /* The learning rate of the following steps; INVALID below 0 or not finite, MISSING without an optimizer. */
    int (*set_learning_rate)(scratchnn_engine *engine, double rate);
} scratchnn_api;

#ifdef Py_PYTHON_H
/* Return the table, or NULL with an exception set: scratchnn is missing, or its table is another. Needs the GIL. */
static inline const scratchnn_api *scratchnn_import(void) {
    PyObject *module =
        PyImport_ImportModule("scratchnn.core.engine"); /* which PyCapsule_Import leaves to others */
    if (!module) return NULL;
    Py_DECREF(module);
    const scratchnn_api *api = (const scratchnn_api *)PyCapsule_Import("scratchnn.core.engine._api", 0);
    if (!api) return NULL;
    if (api->abi != SCRATCHNN_ABI || api->size < sizeof(scratchnn_api)) {
        PyErr_Format(PyExc_ImportError,
                     "scratchnn's C interface is %u with %u bytes; this was compiled for %u with %u",
                     (unsigned)api->abi, (unsigned)api->size, (unsigned)SCRATCHNN_ABI,
                     (unsigned)sizeof(scratchnn_api));
        return NULL;
    }
    return api;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
