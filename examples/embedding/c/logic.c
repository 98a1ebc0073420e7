/* Training from C: a truth table of two bits, learned and read out, without the GIL. */
#include <Python.h>
#include <scratchnn.h>

static const scratchnn_api *snn;

/* learn(engine, table, epochs): the outputs for 00, 01, 10 and 11 after training on a table of four bits. */
static PyObject *learn(PyObject *module, PyObject *args) {
    (void)module;
    PyObject *object;
    int bits[4], epochs, status = SCRATCHNN_OK;
    if (!PyArg_ParseTuple(args, "O(iiii)i", &object, &bits[0], &bits[1], &bits[2], &bits[3], &epochs))
        return NULL;
    scratchnn_engine *engine = snn->engine_of(object);
    if (!engine) return NULL;
    const scratchnn_shape shape = snn->shape(engine);
    if (shape.itemsize != sizeof(double) || shape.n_inputs != 2 || shape.n_outputs != 1) {
        PyErr_SetString(PyExc_ValueError, "expected a network of float64 with 2 inputs and 1 output");
        return NULL;
    }
    const double x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
    double y[4], outputs[4], loss = 0;
    for (int i = 0; i < 4; i++) y[i] = bits[i];
    const scratchnn_samples samples = {
        .itemsize = sizeof(double),
        .n = 4,
        .n_inputs = 2,
        .n_targets = 1,
        .x = x,
        .x_row = sizeof(x[0]),
        .y = y,
        .y_row = sizeof(y[0]),
    };
    Py_BEGIN_ALLOW_THREADS for (int epoch = 0; epoch < epochs && status == SCRATCHNN_OK; epoch++) {
        status = snn->train_epoch(engine, &samples, NULL, &loss);
    }
    snn->predict(engine, 4, x, sizeof(x[0]), outputs);
    Py_END_ALLOW_THREADS if (status != SCRATCHNN_OK) return PyErr_Format(PyExc_ValueError,
                                                                         "scratchnn: status %d", status);
    return Py_BuildValue("(dddd)", outputs[0], outputs[1], outputs[2], outputs[3]);
}

static PyMethodDef methods[] = {{"learn", learn, METH_VARARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "logic", NULL, -1, methods, NULL, NULL, NULL, NULL};

PyMODINIT_FUNC PyInit_logic(void) {
    snn = scratchnn_import();
    return snn ? PyModule_Create(&definition) : NULL;
}
