"""Names of the choices a float configuration makes."""

from typing import Literal

ResetKind = Literal["soft", "hard"]
SurrogateKind = Literal["triangle", "reciprocal"]
ErrorKind = Literal["softmax", "hard_sigmoid", "clipped"]
UpdateKind = Literal["step", "sample", "pixel"]
ReadoutUpdateKind = Literal["step", "sample"]
StartKind = Literal["signs", "published", "zero"]
FeedbackKind = Literal["exact", "power_of_two"]
PrecisionKind = Literal["float64", "float32"]
