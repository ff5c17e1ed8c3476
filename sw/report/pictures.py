"""Small pictures as data, with no library: spikes and weights of an image-like input, pixel by pixel.

Two polarities share a picture. Spikes: on is orange, off is blue. Weights: the sum of both sets how
light a pixel is, their difference how orange (on) or blue (off); zero is the grey between.
"""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from sw.html import el

Pixels = NDArray[np.uint8]
ON, OFF, BOTH = (217, 95, 2), (31, 119, 190), (117, 72, 148)
GREY = 0.56  # lightness of a weight of zero, Oklab
REACH, CHROMA = 0.42, 0.17  # how far a full weight goes from it
HUE = np.deg2rad(55.0)  # orange; blue is opposite


def png(pixels: Pixels) -> bytes:
    """A PNG file of uint8[rows, columns, 3 or 4] (RGB or RGBA)."""
    rows, columns, channels = pixels.shape
    kind = {3: 2, 4: 6}[channels]
    raw = np.zeros((rows, 1 + columns * channels), np.uint8)  # each row starts with filter 0
    raw[:, 1:] = pixels.reshape(rows, -1)
    head = struct.pack(">IIBBBBB", columns, rows, 8, kind, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(raw.tobytes(), 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def image(pixels: Pixels, alt: str) -> str:
    """An <img> that holds its own pixels."""
    data = base64.b64encode(png(pixels)).decode()
    rows, columns = pixels.shape[:2]
    return el(
        "img", src=f"data:image/png;base64,{data}", alt=alt, title=alt, width=columns, height=rows
    )


def spike_pixels(spikes: NDArray[np.bool_]) -> Pixels:
    """RGBA of spikes bool[polarities, rows, columns]; no spike is transparent. 1 is on, 0 off."""
    off, on = spikes[0], spikes[-1]
    pixels = np.zeros((*on.shape, 4), np.uint8)
    if len(spikes) == 1:
        pixels[on] = (*ON, 255)
        return pixels
    pixels[off], pixels[on], pixels[off & on] = (*OFF, 255), (*ON, 255), (*BOTH, 255)
    return pixels


def rate_pixels(rates: NDArray[np.floating]) -> Pixels:
    """RGBA of firing rates float[rows, columns], 0 to 1; no spike is transparent."""
    pixels = np.zeros((*rates.shape, 4), np.uint8)
    pixels[..., :3] = OFF
    pixels[..., 3] = np.where(rates > 0, np.rint(50 + 205 * rates), 0)
    return pixels


def weight_pixels(weights: NDArray[np.floating], full: float) -> Pixels:
    """RGB of weights float[polarities, rows, columns]; `full` is the weight that is shown in full."""
    scaled = np.clip(weights / full, -1, 1)
    off, on = scaled[0], scaled[-1]
    if len(weights) == 1:
        return _oklab(GREY + 0.12 * on, on * CHROMA)
    return _oklab(GREY + REACH * (on + off) / 2, (on - off) / 2 * CHROMA)


def _oklab(light: NDArray[np.floating], orange: NDArray[np.floating]) -> Pixels:
    """sRGB of a lightness, and a chroma towards orange (negative: towards blue).

    Oklab after Björn Ottosson, bottosson.github.io/posts/oklab.
    """
    a, b = orange * np.cos(HUE), orange * np.sin(HUE)
    long = (light + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (light - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (light - 0.0894841775 * a - 1.2914855480 * b) ** 3
    linear = np.stack(
        [
            4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short,
            -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short,
            -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short,
        ],
        axis=-1,
    )
    linear = np.clip(linear, 0, 1)
    curved = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.rint(curved * 255).astype(np.uint8)
