"""Free Spoken Digit Dataset: recordings of ten digits, made into spikes by a filter bank.

The encoder, all of it in NumPy: windows of 32 ms (Hann), 8 ms apart; power in `bands` triangles that are
evenly spaced on the mel scale from 100 Hz to the Nyquist frequency; its logarithm, averaged over `steps`
equal parts of the recording, so that every recording has as many steps, however long it is. Less their
mean and divided by their standard deviation, both over the whole recording: how loud, and with how much
noise behind it, somebody spoke is gone. An input of band b and level k is on in a step when the band is
above level k there, a thermometer per band; the levels are those that part a normal distribution in
`levels` + 1 equal shares, so that each tells as much as it can.
A delay line shows the network the past: the spikes of the last `delays` steps are inputs too.

Files: `recordings/{digit}_{speaker}_{number}.wav` as in the public repository, 16-bit mono; or the same
packed in one `.npz` with audio int16 (all recordings one after the other at 8 kHz), offsets int64[N+1],
label, take. Numbers 0 to 4 of every speaker and digit are the test samples, as the set's authors say.
"""

from __future__ import annotations

import math
import wave
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from golden.spec.shape import Map
from sw.data.binning import Frames
from sw.data.cache import cached
from sw.data.dataset import Dataset, Request, Sample, missing
from sw.data.events import DataError, Sensor
from sw.data.packed import read_npz
from sw.printable import reason

CLASSES = 10
BANDS, LEVELS = 16, 4
DELAYS = 5
FSDD_SENSOR = Sensor(BANDS, LEVELS, DELAYS)
FSDD_MAPS_SENSOR = Sensor(BANDS, DELAYS, LEVELS)
TEST_NUMBERS = 5  # recordings 0..4 of each speaker and digit
WINDOW_S, HOP_S, LOWEST_HZ = 0.032, 0.008, 100.0
PACKED_HZ = 8000
GET = (
    "get https://github.com/Jakobovski/free-spoken-digit-dataset and name its folder, or the .npz "
    "described in sw/data/fsdd.py"
)

Recording = tuple[str, int, NDArray[np.int16], int]
"""Name, digit, waveform, samples a second."""


def load_fsdd(
    request: Request, *, bands: int = BANDS, levels: int = LEVELS, delays: int = DELAYS
) -> Dataset:
    """Load the set from `root`: the repository's folder, its `recordings`, the `.npz`, or its folder.

    Recordings come number by number, digit by digit, so that a limited set holds all digits. The window
    is not used: all of a recording is.

    Args:
        request: what to load.
        bands: triangles of the filter bank.
        levels: of the thermometer of each band.
        delays: steps that are seen at once; input = (delay x levels + level) x bands + band.

    Raises:
        DataError: files are missing or damaged, or an argument is out of range.
    """
    return _load(request, bands, levels, delays, maps=False)


def load_fsdd_maps(
    request: Request, *, bands: int = BANDS, levels: int = LEVELS, delays: int = DELAYS
) -> Dataset:
    """The same inputs as a map, for convolutions: a channel for each level, a line for each delay.

    Raises DataError as `load_fsdd` does.
    """
    return _load(request, bands, levels, delays, maps=True)


def _load(request: Request, bands: int, levels: int, delays: int, *, maps: bool) -> Dataset:
    if request.pool != 1 or not all(1 <= n <= 64 for n in (bands, levels, delays)):
        raise DataError("fsdd: pool 1, and 1 to 64 bands, levels and delays, are possible")
    files, name = _find(request), "fsdd-maps" if maps else "fsdd"
    shape = Map(levels, delays, bands) if maps else Map(delays * levels, 1, bands)

    def frames(audio: NDArray[np.int16], rate: int) -> Frames:
        line = delayed(encode(audio, rate, request.steps, bands, levels), delays)
        cube = line.reshape(request.steps, delays, levels, bands)
        return (cube.swapaxes(1, 2) if maps else cube).reshape(request.steps, -1)

    def make() -> Dataset:
        samples = (
            Sample(frames(audio, rate), label, f"{request.split}/{key}")
            for key, label, audio, rate in _recordings(files, request)
        )
        return Dataset(
            name,
            samples,
            classes=CLASSES,
            n_inputs=shape.neurons,
            steps=request.steps,
            input_map=shape,
        )

    settings = {"bands": bands, "levels": levels, "delays": delays}
    return cached(request, name, files, settings, make)


def encode(audio: NDArray[np.int16], rate: int, steps: int, bands: int, levels: int) -> Frames:
    """Spikes of a waveform at `rate` samples a second: bool[steps, levels x bands]."""
    loudness = log_bands(audio, rate, bands)
    edges = np.arange(steps + 1) * len(loudness) / steps
    parts = [
        loudness[int(edges[k]) : max(int(edges[k]) + 1, int(edges[k + 1]))].mean(axis=0)
        for k in range(steps)
    ]
    loud = np.array(parts)
    standard = (loud - loud.mean()) / max(float(loud.std()), 1e-9)  # digital silence has no spread
    levels_at = np.array([NormalDist().inv_cdf(k / (levels + 1)) for k in range(1, levels + 1)])
    return np.asarray(standard[:, None, :] > levels_at[:, None]).reshape(steps, -1)


def delayed(frames: Frames, delays: int) -> Frames:
    """Every step with those before it beside it: bool[steps, delays x inputs], the present first."""
    line = np.concatenate([np.zeros((delays - 1, frames.shape[1]), np.bool_), frames])
    return np.concatenate([line[delays - 1 - k :][: len(frames)] for k in range(delays)], axis=1)


def log_bands(audio: NDArray[np.int16], rate: int, bands: int) -> NDArray[np.float64]:
    """Logarithm of the power in every band: float64[windows, bands]."""
    window, hop = int(WINDOW_S * rate), int(HOP_S * rate)
    signal = audio.astype(np.float64) / 32768
    signal = np.append(signal[:1], np.diff(signal) + 0.03 * signal[:-1])  # pre-emphasis of 0.97
    signal = np.pad(signal, (0, max(0, window - len(signal))))
    pieces = np.lib.stride_tricks.sliding_window_view(signal, window)[::hop]
    power = np.abs(np.fft.rfft(pieces * np.hanning(window), axis=1)) ** 2
    return np.log(power @ mel_triangles(rate, window, bands) + 1e-8)


@cache
def mel_triangles(rate: int, window: int, bands: int) -> NDArray[np.float64]:
    """Weights of the filter bank, float64[frequencies, bands]; a triangle ends at its neighbours' tips."""
    low_mel, high_mel = (2595 * math.log10(1 + hz / 700) for hz in (LOWEST_HZ, rate / 2))
    tips = 700 * (10 ** (np.linspace(low_mel, high_mel, bands + 2) / 2595) - 1)
    frequency = np.fft.rfftfreq(window, 1 / rate)[:, None]
    low, tip, high = tips[:-2], tips[1:-1], tips[2:]
    width = rate / window  # of a frequency bin: no triangle falls between two
    rising = (frequency - low) / np.maximum(tip - low, width)
    falling = (high - frequency) / np.maximum(high - tip, width)
    return np.maximum(0, np.minimum(rising, falling))


def _find(request: Request) -> list[Path]:
    """The .wav files of a split, or the one .npz. Raises DataError."""
    root = request.root
    folders = [root / "recordings", root] if root is not None else []
    for folder in folders:
        if folder.is_dir() and (found := sorted(folder.glob("*.wav"))):
            return _of_split(found, request)
    packed = [root] if root is not None and root.is_file() else []
    if root is not None and root.is_dir():
        packed = sorted(root.glob("*.npz"))
    if not packed:
        raise missing("fsdd", "{digit}_{speaker}_{number}.wav or an .npz", folders, GET)
    return packed[:1]


def _of_split(paths: list[Path], request: Request) -> list[Path]:
    """The files of a split, number by number, digit by digit. Raises DataError for another name."""
    files = []
    for path in paths:
        digit, _, rest = path.stem.partition("_")
        speaker, _, number = rest.rpartition("_")
        if not (digit.isdecimal() and number.isdecimal() and speaker):
            raise DataError(f"{path}: is not named digit_speaker_number; move it out of the folder")
        if (int(number) >= TEST_NUMBERS) == request.train:
            files.append((int(number), int(digit), speaker, path))
    return [path for *_, path in sorted(files)][: request.limit]


def _recordings(files: list[Path], request: Request) -> Iterator[Recording]:
    if files and files[0].suffix != ".wav":
        yield from _from_npz(files[0], request)
        return
    for path in files:
        yield path.stem, int(path.stem.partition("_")[0]), *read_wav(path)


def read_wav(path: Path) -> tuple[NDArray[np.int16], int]:
    """Waveform and samples a second of a 16-bit mono file. Raises DataError for any other."""
    try:
        with wave.open(str(path)) as file:
            kind = (file.getnchannels(), file.getsampwidth())
            raw, rate, frames = (
                file.readframes(file.getnframes()),
                file.getframerate(),
                file.getnframes(),
            )
    except Exception as err:  # wave raises RuntimeError and others for what is damaged
        raise DataError(f"{path}: cannot be read as .wav ({reason(err)}); copy it again") from err
    if kind != (1, 2) or len(raw) != 2 * frames or not frames:
        raise DataError(f"{path}: a whole file of 16-bit mono is wanted; copy or convert it again")
    return np.frombuffer(raw, "<i2").astype(np.int16), rate


def _from_npz(path: Path, request: Request) -> Iterator[Recording]:
    data = read_npz(path, ("audio", "offsets", "label", "take"))
    offsets, label, take = data["offsets"], data["label"], data["take"]
    fits = (
        len(offsets) == len(label) + 1 == len(take) + 1
        and bool(np.all(np.diff(offsets) > 0))
        and offsets[0] == 0
        and offsets[-1] == len(data["audio"])
        and data["audio"].dtype == np.int16
    )
    if not fits:
        raise DataError(f"{path}: its arrays do not fit together; make it again or copy it again")
    chosen = np.flatnonzero((take >= TEST_NUMBERS) == request.train)
    for i in chosen[np.argsort(take[chosen], kind="stable")][: request.limit]:
        audio = data["audio"][offsets[i] : offsets[i + 1]]
        yield f"{i:05d}", int(label[i]), audio, PACKED_HZ
