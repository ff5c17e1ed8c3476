"""All lanes of hw/core/lanes together: what each chunk does in its time, and the ways to them."""

from collections import deque

import numpy as np

from golden.lanes.noise import advance, noise
from golden.lanes.update import update_rows
from golden.spec.config import CoreConfig
from hw.core.lanes.array import LaneArray
from hw.core.lanes.times import LaneTimes
from sim.units.base import UnitTest
from sim.units.values import anything, extremes, fill

ODD = CoreConfig(lanes=12, neuron_groups=5, trace_entries=97, weight_words=20)
WORDS = ODD.weight_words // ODD.neuron_groups  # of a group


class TestLaneArray(UnitTest):
    """Passes as close together as they come, new gains between them; the host writes and reads weights."""

    unit = LaneArray
    sizes = {"odd": {"config": ODD}}
    idle = {"slots.slot": dict.fromkeys(("active", "update", "first", "last"), 0)}
    at = {
        "ended": LaneTimes.END_AT,
        "sums.chunk": LaneTimes.SUMS_AT,
        "sums.sums": LaneTimes.FIRE_AT,
        "host_weights.words": LaneTimes.WEIGHTS_AT,
    }

    def stimuli(self, rng):
        self.weights = np.zeros((ODD.weight_words, ODD.lanes), np.int32)
        self.gains, self.posts = (np.zeros((ODD.neuron_groups, ODD.lanes), np.int32) for _ in "gk")
        self.state, self.chunk, self.word = 0, ODD.chunks, None
        self.words, before = deque(maxlen=ODD.chunks), []
        yield {"host_noise": {"load_low": 1}}
        yield {"host_noise": {"load_high": 1}}
        yield from self.fill_all(rng)
        yield from self.read_all()
        for group in range(ODD.neuron_groups):
            yield from self.new_gains(rng, group, [(1, 1)])
        for number in range(60):
            group = rng.choice([one for one in range(ODD.neuron_groups) if one not in before])
            before = [*before[-1:], group]  # a word is read again when its update is written
            yield from self.rows(rng, group)
            if number % 3 == 0:
                terms = rng.choice([[(1, 0), (0, 1)], [(1, 1)], [(1, 0)], [(0, 1)]])
                yield from self.new_gains(rng, rng.randrange(ODD.neuron_groups), terms)
            if number % 20 == 19:
                yield from self.read_all()

    def rows(self, rng, group):
        """A pass over a group, at times without rows."""
        words = rng.sample(range(group * WORDS, group * WORDS + WORDS), rng.randint(0, WORDS))
        update, ports = rng.random() < 0.7, self.unit(ODD)
        context = anything(ports.slots.slot.context.shape(), rng, group=group)
        yield from ({} for _ in range(ODD.chunks - 1 - len(words)))
        for at, word in enumerate([*words, None]):
            last = word is None  # the end has no row: post gains are used a cycle after the others
            self.chunk = 0 if last else self.chunk
            slot = {"active": not last, "first": at == 0, "last": last, "address": word or 0}
            slot |= {"update": update and not last, "spike": rng.randrange(2)}
            slot |= {"trace": extremes(8, rng), "previous_spike": rng.randrange(2)}
            yield {"slots": {"slot": slot | {"context": context}}}

    def new_gains(self, rng, group, terms):
        """Gains of every chunk, of one term or of both."""
        shape = self.unit(ODD).gains.gains.shape()
        yield from ({} for _ in range(ODD.chunks))
        for chunk in range(ODD.chunks):
            for causal, other in terms:
                gain = {"address": group << 2 | chunk, "causal": causal, "non_causal": other}
                yield {"gains": gain | {"gains": fill(shape, rng)}}

    def fill_all(self, rng):
        """The host writes all weights, lane by lane."""
        for word in range(ODD.weight_words):
            for lane in range(ODD.lanes):
                data = extremes(ODD.weight_bits, rng)
                write = {"active": 1, "write": 1, "word": word, "element": lane, "data": data}
                yield {"host_weights": write}

    def read_all(self):
        """The host reads all weights."""
        yield from ({} for _ in range(LaneTimes.REUSE + LaneTimes.NEW_AT))
        for self.word in range(ODD.weight_words):
            yield from ({} for _ in range(ODD.chunks))
        self.word = None

    def always(self):
        read = {} if self.word is None else {"host_weights": {"active": 1, "word": self.word}}
        return {"sums": {"chunk": min(self.chunk, ODD.chunks - 1)}} | read

    def step(self, now):
        slot, wanted = now.slots.slot, {"host_noise.state": self.state}
        wanted["ended"] = {"last": slot["last"]} | (
            {"context": slot["context"]} if slot["last"] else {}
        )
        self.take(now)
        self.run(slot)
        if self.chunk < ODD.chunks:
            lanes = slice(self.chunk * ODD.chunk_lanes, (self.chunk + 1) * ODD.chunk_lanes)
            wanted["sums.sums"] = self.final[lanes]
            self.chunk += 1
        self.words.append(self.word)
        if self.word is not None and set(self.words) == {self.word}:
            word = self.weights[self.word] & ((1 << ODD.weight_bits) - 1)
            wanted["host_weights.words"] = word.reshape(ODD.chunks, -1)
        return wanted

    def take(self, now):
        """What comes from the host and from the learning rule."""
        noise_at, host, gains = now.host_noise, now.host_weights, now.gains
        if noise_at.load_low:
            self.state = self.state & ~0xFFFF | noise_at.load
        if noise_at.load_high:
            self.state = self.state & 0xFFFF | noise_at.load << 16
        if host.write:
            top = 1 << ODD.weight_bits - 1
            self.weights[host.word, host.element] = (host.data ^ top) - top
        group, chunk = divmod(gains.address, 4)
        lanes = slice(chunk * ODD.chunk_lanes, (chunk + 1) * ODD.chunk_lanes)
        if gains.causal:
            self.gains[group, lanes] = gains.gains
        if gains.non_causal:
            self.posts[group, lanes] = 0 if gains.causal else gains.gains

    def run(self, slot):
        """One slot of the lanes."""
        if slot["first"]:
            self.sums = np.zeros(ODD.lanes, np.int64)
        if slot["update"]:
            self.update(slot, slot["address"], slot["context"]["group"])
        if slot["active"] and slot["spike"]:
            self.sums += self.weights[slot["address"]]
        if slot["last"]:
            self.final = self.sums

    def update(self, slot, word, group):
        """The deferred update of a row, with its random numbers."""
        self.weights[word] = update_rows(
            self.weights[[word]],
            self.gains[group],
            self.posts[group],
            np.array([slot["trace"]], np.int32),
            np.array([bool(slot["previous_spike"])]),
            noise(self.state, 1, ODD.lanes),
            ODD.weight_bits,
        )[0]
        self.state = advance(self.state, 1)
