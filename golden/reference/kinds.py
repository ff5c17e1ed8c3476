"""Names of the choices a float configuration makes."""

from typing import Literal

ResetKind = Literal["soft", "hard"]
SurrogateKind = Literal["triangle", "reciprocal"]
ErrorKind = Literal["softmax", "hard_sigmoid"]
UpdateKind = Literal["step", "sample"]
PrecisionKind = Literal["float64", "float32"]
