"""What the docstrings of both estimators say alike: one text for a parameter, wherever it stands."""

from __future__ import annotations

from typing import TypeVar

__all__ = ["documented"]

PARAMETERS = """hidden_layer_sizes : array-like of int or int, default=(100,)
    Neurons of each hidden layer.
activation : str or list of str, default="relu"
    Of the hidden layers: "identity", "logistic" (or "sigmoid"), "tanh", "relu", or any other of
    ``scratchnn.core.activations.names()``, with its parameter as in "leaky_relu(0.2)"; a list has one for each
    hidden layer.
solver : {"adam", "sgd", "lbfgs"}, default="adam"
    Adam (Kingma & Ba 2015), gradient descent with momentum, or L-BFGS (Liu & Nocedal 1989) on all samples at once,
    which suits small data.
alpha : float, default=0.0001
    L2 penalty on the weights: ``alpha/2 sum w²``, divided by the number of samples in the batch (or the sum of their
    weights), is added to the loss.
batch_size : int or "auto", default="auto"
    Samples of a step; "auto" is ``min(200, n_samples)``.
learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
    For "sgd": always `learning_rate_init`; after t samples ``learning_rate_init / (t + 1)**power_t``; or divided by 5
    each time that training no longer improves, until it is below 1e-6.
learning_rate_init : float, default=0.001
    For "adam" and "sgd".
power_t : float, default=0.5
    For "invscaling".
max_iter : int, default=200
    The most epochs, or iterations of "lbfgs".
shuffle : bool, default=True
    Whether each epoch takes the samples in a new random order.
random_state : int, RandomState instance or None, default=None
    Determines starting weights, validation data and the order of samples. The same int gives the numbers that
    scikit-learn's estimator has, up to rounding.
tol : float, default=1e-4
    By how much the loss or the validation score has to improve; for "lbfgs" the largest element of the gradient at
    which it stops.
verbose : bool, default=False
    Whether to print the loss of every epoch.
warm_start : bool, default=False
    Whether another call of `fit` goes on where the last one ended: with the weights, the optimizer's state, the
    learning rate, the validation data and the random draws, so that 10 epochs and 10 more are 20. (scikit-learn's
    estimator begins anew with all but the weights.)
momentum : float, default=0.9
    For "sgd".
nesterovs_momentum : bool, default=True
    Whether momentum is Nesterov's.
early_stopping : bool, default=False
    Whether to set `validation_fraction` of the data aside, to stop once their score no longer improves, and to end
    with the weights of the best epoch. Else training stops once its loss no longer improves.
validation_fraction : float, default=0.1
    For `early_stopping`.
beta_1, beta_2 : float, default=0.9, 0.999
    For "adam": how slowly its means of the gradient and of its square change.
epsilon : float, default=1e-8
    For "adam": added to the root of the mean square.
n_iter_no_change : int, default=10
    After so many epochs without an improvement by `tol` training stops.
max_fun : int, default=15000
    The most evaluations of the loss by "lbfgs"."""

ARCHITECTURE = """normalization : {"batch", "layer"}, list or None, default=None
    What the sums of hidden layers go through before the activation (Ioffe & Szegedy 2015; Ba et al. 2016); a list
    has one, or None, for each. With "batch", no batch may have a single sample.
dropout : float or list of float, default=0.0
    The rate at which training drops the outputs of hidden layers (Srivastava et al. 2014); a list has one for each.
input_dropout : float, default=0.0
    The same for features.
input_noise : float, default=0.0
    The standard deviation of the noise that training adds to features, once they are scaled.
scale_inputs : {"standard", "minmax"}, (shift, scale) or None, default=None
    The network gets ``(x - shift) * scale``: of given numbers or vectors, or of mean and deviation, or least and
    greatest value, of each feature of the training data. Measured by the first `fit` or `partial_fit`, and kept by
    those that go on. `coefs_` are those of scaled features."""

ADDED = """regularization : Regularization or None, default=None
    Any other regularisation, in place of `alpha`: L1, weight decay, largest norms, clipped gradients, one for each
    layer.
scoring : str, callable or None, default=None
    What is computed on validation data: a scorer of scikit-learn's, by name or as ``scorer(estimator, X, y)``, the
    greater the better; "loss", with its sign changed; None for the estimator's own score.
schedule : str, Schedule or None, default=None
    What becomes of the learning rate from step to step, such as "cosine(50)" or "one_cycle(50)":
    ``scratchnn.schedules`` has them.
callbacks : Callback, callable or list of them, default=None
    What is done after every epoch or batch: ``scratchnn.callbacks`` has a progress bar, checkpoints and TensorBoard; a
    function is called as ``function(network, epoch, history)``, and stops the fit where it returns True.
max_steps : int or None, default=None
    Stop a fit after so many steps, in the midst of an epoch too; a fit that goes on finishes it first.
max_seconds : float or None, default=None
    Stop once a fit has taken this long, likewise.
diagnose : bool, default=False
    Whether to look for the usual mistakes after the fit, and warn of each: large inputs, dead neurons, vanishing
    gradients, over- and underfitting.
n_threads : int or None, default=None
    At most so many threads, fewer where there is too little work for them; None for SCRATCHNN_NUM_THREADS or the
    number of CPUs. No result depends on it."""

ATTRIBUTES = """coefs_, intercepts_ : list of arrays
    Weights (n_inputs, n_outputs) and biases of each layer: views, so that to write in one changes the network.
network_ : NeuralNetwork
    What was trained, with all that the core can do: ``save``, ``copy``, ``gradients`` …
loss_ : float
    The last value of the loss.
loss_curve_ : list of float
    The loss of each epoch, or iteration of "lbfgs".
best_loss_ : float or None
    The smallest of them; None with `early_stopping`.
validation_scores_ : list of float or None
    The score on validation data of each epoch, where there are any.
validation_loss_curve_ : list of float or None
    The loss on the validation data of each epoch, without penalties.
best_validation_score_ : float or None
    The greatest of them.
n_iter_ : int
    Epochs or iterations of the last call.
t_ : int
    Samples trained on, each counted every time.
n_layers_, n_outputs_ : int
    Layers, inputs included; outputs of the network.
out_activation_ : str
n_features_in_ : int
feature_names_in_ : array of str
    Where X had names of columns that are all text."""

PARTS = {"parameters": PARAMETERS, "architecture": ARCHITECTURE, "added": ADDED, "attributes": ATTRIBUTES}

Class = TypeVar("Class", bound=type)


def documented(cls: Class) -> Class:
    """Put the common parts into a class's docstring, in place of their names in braces."""
    text = cls.__doc__ or ""
    for name, part in PARTS.items():
        text = text.replace("{" + name + "}", part.replace("\n", "\n    "))
    cls.__doc__ = text
    return cls
