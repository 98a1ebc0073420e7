from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

_Real = TypeVar("_Real", np.float32, np.float64)

class Activation:
    def __init__(self, name: str, alpha: float | None = None) -> None: ...
    @property
    def name(self) -> str: ...
    @property
    def alpha(self) -> float: ...
    @property
    def index(self) -> int: ...
    @overload
    def __call__(self, z: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...
    @overload
    def __call__(self, z: float, out: None = None) -> float: ...
    @overload
    def __call__(self, z: ArrayLike, out: NDArray[Any] | None = None) -> Any: ...
    @overload
    def slope(self, z: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...
    @overload
    def slope(self, z: float, out: None = None) -> float: ...
    @overload
    def slope(self, z: ArrayLike, out: NDArray[Any] | None = None) -> Any: ...
    @overload
    def backward(
        self, da: NDArray[_Real], z: NDArray[_Real], out: NDArray[_Real] | None = None
    ) -> NDArray[_Real]: ...
    @overload
    def backward(self, da: float, z: float, out: None = None) -> float: ...
    @overload
    def backward(self, da: ArrayLike, z: ArrayLike, out: NDArray[Any] | None = None) -> Any: ...

identity: Activation
sigmoid: Activation
tanh: Activation
relu: Activation
leaky_relu: Activation
elu: Activation
selu: Activation
softplus: Activation
silu: Activation
gelu: Activation
softsign: Activation
exp: Activation
hard_sigmoid: Activation
hard_tanh: Activation
hard_silu: Activation
relu6: Activation

def names() -> tuple[str, ...]: ...
def get(activation: str | Activation) -> Activation: ...
@overload
def softmax(z: NDArray[_Real], out: NDArray[_Real] | None = None) -> NDArray[_Real]: ...
@overload
def softmax(z: ArrayLike, out: NDArray[Any] | None = None) -> NDArray[Any]: ...
