"""Pictures of a training, of a network and of what it answers, drawn on matplotlib axes.

Every function takes axes or makes a figure, and returns the axes, to be adorned and saved as usual. Models are
networks, or estimators with scikit-learn's attributes. They need the extra ``scratchnn[plots]``, which is
imported when the first plot is drawn.
"""

from .boundary import decision_boundary
from .confusion import confusion_matrix
from .curves import learning_curve
from .diagram import network_diagram
from .images import first_layer_images
from .regression import predicted_against_true, residuals

__all__ = [
    "confusion_matrix",
    "decision_boundary",
    "first_layer_images",
    "learning_curve",
    "network_diagram",
    "predicted_against_true",
    "residuals",
]
