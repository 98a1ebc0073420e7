// A thousand networks trained at once from C++: every thread takes the next one, and none needs the GIL.
#include <Python.h>
#include <scratchnn.h>

#include <atomic>
#include <thread>
#include <vector>

static const scratchnn_api *snn;

// train(engines, x, y, n, epochs, threads): the last loss of each. x and y are bytes of n rows that all networks share.
static PyObject *train(PyObject *, PyObject *args) {
    PyObject *sequence;
    Py_buffer x, y;
    Py_ssize_t n;
    int epochs, n_threads;
    if (!PyArg_ParseTuple(args, "Oy*y*nii", &sequence, &x, &y, &n, &epochs, &n_threads)) return nullptr;
    std::vector<scratchnn_engine *> engines;
    PyObject *items = PySequence_Fast(sequence, "expected a sequence of engines");
    for (Py_ssize_t i = 0; items && i < PySequence_Fast_GET_SIZE(items); i++) {
        scratchnn_engine *engine = snn->engine_of(PySequence_Fast_GET_ITEM(items, i));
        if (!engine) break;
        const scratchnn_shape shape = snn->shape(engine);
        if (x.len != Py_ssize_t(shape.itemsize * shape.n_inputs) * n ||
            y.len != Py_ssize_t(shape.itemsize * shape.n_targets) * n) {
            PyErr_SetString(PyExc_ValueError, "x and y do not have n rows of this network's");
            break;
        }
        engines.push_back(engine);
    }
    std::vector<double> losses(engines.size());
    if (!PyErr_Occurred()) {
        Py_BEGIN_ALLOW_THREADS
        std::atomic<size_t> next{0};
        auto work = [&] {
            for (size_t i; (i = next++) < engines.size();) {
                const scratchnn_shape shape = snn->shape(engines[i]);
                const scratchnn_samples samples = {
                    shape.itemsize, size_t(n), shape.n_inputs, shape.n_targets, x.buf, ptrdiff_t(shape.itemsize * shape.n_inputs),
                    y.buf, ptrdiff_t(shape.itemsize * shape.n_targets), nullptr, nullptr};
                for (int epoch = 0; epoch < epochs; epoch++) {
                    if (snn->train_epoch(engines[i], &samples, nullptr, &losses[i]) != SCRATCHNN_OK) break;
                }
            }
        };
        std::vector<std::thread> threads;
        for (int i = 0; i < n_threads; i++) threads.emplace_back(work);
        for (auto &thread : threads) thread.join();
        Py_END_ALLOW_THREADS
    }
    Py_XDECREF(items);
    PyBuffer_Release(&x);
    PyBuffer_Release(&y);
    if (PyErr_Occurred()) return nullptr;
    PyObject *result = PyList_New(Py_ssize_t(losses.size()));
    for (size_t i = 0; result && i < losses.size(); i++) {
        PyList_SET_ITEM(result, Py_ssize_t(i), PyFloat_FromDouble(losses[i]));
    }
    return result;
}

static PyMethodDef methods[] = {{"train", train, METH_VARARGS, nullptr}, {nullptr, nullptr, 0, nullptr}};
static PyModuleDef definition = {PyModuleDef_HEAD_INIT, "thousand", nullptr, -1, methods,
                                 nullptr, nullptr, nullptr, nullptr};

PyMODINIT_FUNC PyInit_thousand() {
    snn = scratchnn_import();
    return snn ? PyModule_Create(&definition) : nullptr;
}
