"""Layers below Python: functions on pointers, for the training loop and for prediction."""
