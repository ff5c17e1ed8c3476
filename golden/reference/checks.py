"""What a float configuration refuses, each in one line that names the field."""

from typing import TYPE_CHECKING, get_args

from golden.reference import kinds

if TYPE_CHECKING:
    from golden.reference.config import FloatConfig


def require(ok: bool, name: str, got: object, expected: str) -> None:
    """Raise ValueError unless ``ok``."""
    if not ok:
        raise ValueError(f"{name}: got {got!r}, expected {expected}")


def check_network(cfg: "FloatConfig") -> None:
    """Steps and neurons. Raises ValueError."""
    require(cfg.steps > 0, "steps", cfg.steps, "a positive number")
    fits = cfg.learn_last is None or 0 < cfg.learn_last <= cfg.steps
    require(fits, "learn_last", cfg.learn_last, f"None or 1..steps ({cfg.steps})")
    for name in ("gamma", "lambda_pre", "lambda_post"):
        require(0 <= getattr(cfg, name) <= 1, name, getattr(cfg, name), "0..1")
    require(cfg.theta > 0, "theta", cfg.theta, "a positive number")
    positive = cfg.reset_by is None or cfg.reset_by > 0
    require(positive, "reset_by", cfg.reset_by, "None or a positive number")
    both = cfg.reset_by is not None and cfg.reset == "hard"
    require(not both, "reset_by", cfg.reset_by, "None: a hard reset subtracts nothing")


def check_kinds(cfg: "FloatConfig") -> None:
    """Fields that name a choice. Raises ValueError."""
    fields = (
        ("reset", kinds.ResetKind),
        ("surrogate", kinds.SurrogateKind),
        ("error", kinds.ErrorKind),
        ("error_out", kinds.ErrorKind),
        ("update", kinds.UpdateKind),
        ("precision", kinds.PrecisionKind),
    )
    for name, kind in fields:
        value, names = getattr(cfg, name), get_args(kind)
        require(value in names, name, value, f"one of {', '.join(names)}")
    names = get_args(kinds.ReadoutUpdateKind)
    fits = cfg.update_out is None or cfg.update_out in names
    require(fits, "update_out", cfg.update_out, f"None or one of {', '.join(names)}")


def check_learning(cfg: "FloatConfig") -> None:
    """Rates and weights of the rule. Raises ValueError."""
    for name in ("temperature", "eta", "init_scale"):
        value = getattr(cfg, name)
        values = value if isinstance(value, tuple) else (value,) * cfg.hidden_layers
        fits = len(values) == cfg.hidden_layers and all(x >= 0 for x in values)
        require(fits, name, value, f"one value or {cfg.hidden_layers}, none negative")
        require(name != "temperature" or min(values) > 0, name, value, "above 0")
    require(cfg.temperature_out > 0, "temperature_out", cfg.temperature_out, "above 0")
    for name in ("alpha_pre", "eta_out", "dead_zone", "dead_zone_out", "rate_cost"):
        require(getattr(cfg, name) >= 0, name, getattr(cfg, name), "0 or more")
    both = cfg.weight_norm and cfg.formats.hidden is not None
    require(not both, "formats.hidden", cfg.formats.hidden, "None under weight_norm")
