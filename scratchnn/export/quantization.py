"""Weights as int8, with one scale for each neuron (docs/math.md, "Export to C")."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .plan import Layer, Plan

__all__ = ["STEPS", "quantized"]

STEPS = 127  # on either side of 0: -128 is left out, so that a weight and its negative have the same size


def quantized(plan: Plan) -> Plan:
    """Return the plan with the nearest weights that are a step of int8 times the scale of their neuron (eq. 128)."""
    return replace(plan, layers=tuple(_quantized(layer) for layer in plan.layers))


def _quantized(layer: Layer) -> Layer:
    scales = (np.abs(layer.weights).max(axis=0) / STEPS).astype(np.float32)
    # A neuron of zeros has the scale 0; so has one whose weights are too small for a float32 scale.
    divisors = np.where(scales == 0, np.inf, scales.astype(np.float64))
    steps = np.clip(np.rint(layer.weights / divisors), -STEPS, STEPS)
    return replace(layer, weights=steps * scales.astype(np.float64), steps=steps.astype(np.int8), scales=scales)
