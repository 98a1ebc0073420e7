# cython: binding=True
"""Engines: one network for callers below Python, from Cython by engine.pxd and from C by a table, scratchnn.h.

Between a caller and a step there is a check of what he gives, and nothing else: rows are gathered from where they are,
and a step is the trainer's.
"""

import numpy as np

from cpython.exc cimport PyErr_SetString
from cpython.object cimport PyObject
from cpython.pycapsule cimport PyCapsule_New
from libc.math cimport NAN, isfinite
from libc.stdint cimport int64_t, uint32_t, uint64_t

from scratchnn.core.data cimport Rows
from scratchnn.core.kernels cimport (
    SNN_FLOAT32, SNN_FLOAT64, flush_denormals, restore_denormals, snn_source)
from scratchnn.core.layers.dense cimport Dense
from scratchnn.core.predictor cimport BLOCK, Predictor
from scratchnn.core.step cimport Step
from scratchnn.core.topology cimport Topology, bytes_of
from scratchnn.core.trainer cimport Trainer

from scratchnn.core.topology import aligned_zeros


cdef class _Parts:
    """What an engine is made of."""
    cdef Topology topology
    cdef Predictor predictor
    cdef Step step                  # None without an optimizer
    cdef Trainer trainer
    cdef snn_source type            # of the rows that callers have
    cdef bint takes_labels, is_weighted
    cdef char *memory               # of predictions
    cdef char *parameters
    cdef char *gradient             # NULL without an optimizer
    cdef object kept
    cdef readonly object gradients

    cdef bint fits(self, const scratchnn_samples *s, bint one_batch) noexcept nogil:
        """Whether samples are what steps can take."""
        cdef size_t i, n_classes = self.step.y.n_columns, batch_size = self.step.batch_size
        if s == NULL or s.itemsize != self.step.k.itemsize or s.n == 0 or s.x == NULL:
            return False
        if s.n_inputs != self.step.x.n_columns or (s.y != NULL and s.n_targets != n_classes):
            return False
        if one_batch and s.n > batch_size:
            return False
        if self.step.together and (s.n == 1 or s.n % batch_size == 1):  # a batch of one has no spread
            return False
        if (s.y == NULL) == (s.labels == NULL) or (s.weights != NULL and not self.is_weighted):
            return False
        if s.labels == NULL:
            return True
        for i in range(s.n):
            if not 0 <= s.labels[i] < <int64_t>n_classes:
                return False
        return self.takes_labels

    cdef void take(self, const scratchnn_samples *s, const int64_t *order) noexcept nogil:
        """Have the step read these samples."""
        cdef Rows *x = &self.step.x
        cdef Rows *y = &self.step.y
        cdef ptrdiff_t itemsize = self.step.k.itemsize
        x.data, x.type, x.row_bytes, x.column_bytes = <const char *>s.x, self.type, s.x_row, itemsize
        y.data, y.type, y.row_bytes, y.column_bytes = <const char *>s.y, self.type, s.y_row, itemsize
        y.labels = s.labels
        if self.is_weighted:
            self.step.sample_weight.data = <const char *>s.weights
            self.step.sample_weight.type, self.step.sample_weight.column_bytes = self.type, itemsize
            self.step.sample_weight.row_bytes = itemsize
        self.step.n_samples = s.n
        self.step.order = <int64_t *>order


cdef Trainer trainer_of(Engine engine):
    cdef _Parts p = engine.kept
    if p is None or p.trainer is None:
        raise ValueError("this engine has no optimizer: it only predicts")
    return p.trainer


cdef class Engine:
    """One network for callers below Python; made by scratchnn.Engine, which has the documentation.

    Parameters
    ----------
    network : object
    topology : Topology
    predictor : Predictor
    parameters : vector of the topology's layout
    trainer : Trainer, optional
        None is for predictions alone. Its step gathers what it reads.
    step : Step, optional
        The trainer's.
    takes_labels : bool
    """

    def __init__(self, network, Topology topology, Predictor predictor, parameters, Trainer trainer=None,
                 Step step=None, bint takes_labels=False):
        cdef _Parts p = _Parts()
        cdef const Dense *last = &topology.layers[topology.n_layers - 1]
        p.topology, p.predictor, p.trainer, p.step = topology, predictor, trainer, step
        p.type = SNN_FLOAT32 if topology.dtype.itemsize == 4 else SNN_FLOAT64
        p.takes_labels = takes_labels
        memory = aligned_zeros(predictor.bytes_for(BLOCK), np.int8)
        p.memory, p.parameters = bytes_of(memory), bytes_of(parameters)
        p.kept = memory, parameters
        self.shape.itemsize = topology.dtype.itemsize
        self.shape.n_inputs, self.shape.n_outputs = topology.layers[0].n_inputs, last.n_outputs
        self.shape.n_targets = last.n_outputs // (topology.outputs_per_target or 1)
        self.shape.n_layers = topology.n_layers
        if trainer is not None:
            p.gradients = topology.zeros()
            p.gradient = bytes_of(p.gradients)
            p.is_weighted = step.sample_weight.data != NULL
            self.shape.n_targets, self.shape.batch_size = step.y.n_columns, step.batch_size
        self.network, self.kept = network, p
        self.inside = <void *>p

    @property
    def steps(self):
        """How many updates the optimizer has made."""
        return trainer_of(self).steps

    @property
    def noise_counter(self):
        """How many steps have drawn what is dropped, and noise."""
        noise = trainer_of(self).step.noise
        return None if noise is None else noise.counter

    @property
    def gradients(self):
        """For every layer {name: view of what `gradient` has found}; the views can be memoryviews."""
        trainer_of(self)
        cdef _Parts p = self.kept
        return p.topology.views(p.gradients)

    cdef int predict(self, size_t n, const void *x, ptrdiff_t x_row, void *outputs) noexcept nogil:
        cdef Rows rows
        cdef uint64_t state
        if self.inside == NULL or (n > 0 and (x == NULL or outputs == NULL)):
            return SCRATCHNN_INVALID
        state = flush_denormals()
        rows.n_columns, rows.data, rows.type = self.shape.n_inputs, <const char *>x, (<_Parts>self.inside).type
        rows.row_bytes, rows.column_bytes = x_row, self.shape.itemsize
        rows.labels = rows.starts = rows.columns = NULL
        rows.shift = (<_Parts>self.inside).predictor.input_shift
        rows.scale = (<_Parts>self.inside).predictor.input_scale
        (<_Parts>self.inside).predictor.predict_rows(
            &rows, n, (<_Parts>self.inside).memory, BLOCK, <char *>outputs)
        restore_denormals(state)
        return SCRATCHNN_OK

    cdef int train_step(self, const scratchnn_samples *samples, double *loss) noexcept nogil:
        return of_one_batch(self, samples, True, loss)

    cdef int train_epoch(
            self, const scratchnn_samples *samples, const int64_t *order, double *loss) noexcept nogil:
        cdef uint64_t state
        cdef size_t first = 0, m, i
        cdef bint finite = True
        if self.inside == NULL or (<_Parts>self.inside).trainer is None:
            return SCRATCHNN_MISSING
        if loss == NULL or not (<_Parts>self.inside).fits(samples, False):
            return SCRATCHNN_INVALID
        if order != NULL:
            for i in range(samples.n):
                if not 0 <= order[i] < <int64_t>samples.n:
                    return SCRATCHNN_INVALID
        state = flush_denormals()
        (<_Parts>self.inside).take(samples, order)
        (<_Parts>self.inside).trainer.epoch_loss = (<_Parts>self.inside).trainer.epoch_penalty = 0
        while first < samples.n and finite:
            m = min(self.shape.batch_size, samples.n - first)
            finite = isfinite((<_Parts>self.inside).trainer.take_step(first, m))
            first += m
        loss[0] = (<_Parts>self.inside).trainer.mean_of_epoch(samples.n) if finite else NAN
        restore_denormals(state)
        return SCRATCHNN_OK if isfinite(loss[0]) else SCRATCHNN_NOT_FINITE

    cdef int gradient(self, const scratchnn_samples *samples, double *loss) noexcept nogil:
        return of_one_batch(self, samples, False, loss)

    cdef int array(self, size_t layer, int parameter, bint of_gradient, scratchnn_array *array) noexcept nogil:
        cdef const Dense *d
        cdef char *vector
        cdef size_t start
        if self.inside == NULL or layer >= self.shape.n_layers or array == NULL:
            return SCRATCHNN_INVALID
        vector = (<_Parts>self.inside).gradient if of_gradient else (<_Parts>self.inside).parameters
        if vector == NULL:
            return SCRATCHNN_MISSING
        d = &(<_Parts>self.inside).topology.layers[layer]
        if parameter == SCRATCHNN_WEIGHTS:
            start = d.weights
        elif parameter == SCRATCHNN_BIASES and d.has_biases:
            start = d.vectors
        elif parameter == SCRATCHNN_GAIN and d.normalization != 0:
            start = d.gain
        elif parameter == SCRATCHNN_SHIFT and d.normalization != 0:
            start = d.shift
        else:
            return SCRATCHNN_MISSING if SCRATCHNN_WEIGHTS <= parameter <= SCRATCHNN_SHIFT else SCRATCHNN_INVALID
        array.data = vector + start * self.shape.itemsize
        array.rows, array.columns = d.n_inputs if parameter == SCRATCHNN_WEIGHTS else 1, d.n_outputs
        array.row = d.stride * self.shape.itemsize
        return SCRATCHNN_OK

    cdef int set_learning_rate(self, double rate) noexcept nogil:
        if self.inside == NULL or (<_Parts>self.inside).trainer is None:
            return SCRATCHNN_MISSING
        if not (isfinite(rate) and rate >= 0):
            return SCRATCHNN_INVALID
        (<_Parts>self.inside).trainer.hyper[0] = rate
        return SCRATCHNN_OK


cdef int of_one_batch(Engine engine, const scratchnn_samples *samples, bint step, double *loss) noexcept nogil:
    """Take a step on all samples, or find the gradient that it would follow."""
    cdef uint64_t state
    if engine.inside == NULL or (<_Parts>engine.inside).trainer is None:
        return SCRATCHNN_MISSING
    if loss == NULL or not (<_Parts>engine.inside).fits(samples, True):
        return SCRATCHNN_INVALID
    state = flush_denormals()
    (<_Parts>engine.inside).take(samples, NULL)
    if step:
        loss[0] = (<_Parts>engine.inside).trainer.take_step(0, samples.n)
    else:
        loss[0] = (<_Parts>engine.inside).trainer.find_gradient(samples.n, (<_Parts>engine.inside).gradient)
    restore_denormals(state)
    return SCRATCHNN_OK if isfinite(loss[0]) else SCRATCHNN_NOT_FINITE


# ---- the table for C ----


cdef extern from "scratchnn.h" nogil:
    """
    typedef struct _object snn_object;
    """
    enum:
        SCRATCHNN_ABI

    ctypedef struct scratchnn_engine:
        pass

    ctypedef struct snn_object:
        pass

    ctypedef struct scratchnn_api:
        uint32_t abi
        uint32_t size
        scratchnn_engine *(*engine_of)(snn_object *object) noexcept with gil
        scratchnn_shape (*shape)(const scratchnn_engine *engine) noexcept
        int (*predict)(scratchnn_engine *engine, size_t n, const void *x, ptrdiff_t x_row, void *outputs) noexcept
        int (*train_step)(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss) noexcept
        int (*train_epoch)(
            scratchnn_engine *engine, const scratchnn_samples *samples, const int64_t *order, double *loss) noexcept
        int (*gradient)(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss) noexcept
        int (*array)(
            scratchnn_engine *engine, size_t layer, int parameter, int of_gradient, scratchnn_array *array) noexcept
        int (*set_learning_rate)(scratchnn_engine *engine, double rate) noexcept


cdef scratchnn_engine *engine_of(snn_object *object) noexcept with gil:
    cdef PyObject *found = <PyObject *>object
    if found != NULL and isinstance(<object>found, Engine) and (<Engine>found).inside != NULL:
        return <scratchnn_engine *>object
    PyErr_SetString(TypeError, "expected a scratchnn.Engine")
    return NULL


cdef scratchnn_shape shape_of(const scratchnn_engine *engine) noexcept nogil:
    return (<Engine><void *>engine).shape


cdef int predict(scratchnn_engine *engine, size_t n, const void *x, ptrdiff_t x_row, void *outputs) noexcept nogil:
    return (<Engine><void *>engine).predict(n, x, x_row, outputs)


cdef int train_step(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss) noexcept nogil:
    return (<Engine><void *>engine).train_step(samples, loss)


cdef int train_epoch(
        scratchnn_engine *engine, const scratchnn_samples *samples, const int64_t *order, double *loss) noexcept nogil:
    return (<Engine><void *>engine).train_epoch(samples, order, loss)


cdef int gradient(scratchnn_engine *engine, const scratchnn_samples *samples, double *loss) noexcept nogil:
    return (<Engine><void *>engine).gradient(samples, loss)


cdef int array_of(
        scratchnn_engine *engine, size_t layer, int parameter, int of_gradient, scratchnn_array *array) noexcept nogil:
    return (<Engine><void *>engine).array(layer, parameter, of_gradient, array)


cdef int set_learning_rate(scratchnn_engine *engine, double rate) noexcept nogil:
    return (<Engine><void *>engine).set_learning_rate(rate)


cdef scratchnn_api api
api.abi, api.size = SCRATCHNN_ABI, sizeof(scratchnn_api)
api.engine_of, api.shape = engine_of, shape_of
api.predict, api.train_step, api.train_epoch, api.gradient = predict, train_step, train_epoch, gradient
api.array, api.set_learning_rate = array_of, set_learning_rate

_api = PyCapsule_New(&api, "scratchnn.core.engine._api", NULL)
