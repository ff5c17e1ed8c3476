"""The receiver of hw/link: which frames are taken, and what is said of the others."""

from golden.spec.frames import HEADER, Command, Damaged, Frame, Status, decode, stuff, unstuff
from golden.spec.registers import RESULT_SLOTS
from hw.link.complaints import Complaints
from hw.link.receiver import Receiver
from sim.units.base import UnitTest


class Complaining:
    """What waits to be said to the host: a go-back, the first, and duplicates, as many as fit."""

    def __init__(self):
        self.status = None  # of the go-back that waits
        self.duplicates = []
        self.shown = False  # something is offered

    def step(self, taken, expected, go_back=None, duplicate=None):
        """A cycle: `go_back` a status, `duplicate` a sequence number. Returns what is owed."""
        owed = []
        room = len(self.duplicates) < RESULT_SLOTS
        free = not self.shown or taken
        waited = self.status is not None
        if free and waited:
            owed = [{"sequence": expected, "status": self.status}]
        elif free and self.duplicates:
            owed = [{"sequence": self.duplicates.pop(0), "status": Status.DUPLICATE}]
        if free:
            self.shown, self.status = bool(owed), None
        if go_back is not None and self.status is None:
            self.status = go_back
        if duplicate is not None and room:
            self.duplicates.append(duplicate)
        return owed


class TestComplaints(UnitTest):
    """More to say than the host takes, and less."""

    unit = Complaints

    def stimuli(self, rng):
        self.twin = Complaining()
        for chance in (0.02, 0.2, 0.9):
            for _ in range(300):
                go_back, duplicate = rng.random() < chance, rng.random() < chance
                yield {"go_back": go_back, "duplicate": duplicate}

    def step(self, now):
        go_back = now.status if now.go_back else None
        duplicate = now.sequence if now.duplicate else None
        return {"o": self.twin.step(now.o is not None, now.expected, go_back, duplicate)}


class TestReceiver(UnitTest):
    """Frames in sequence and out of it, damaged in every way, with and without room for them."""

    unit = Receiver
    at = {"taken": 1, "damaged": 1}

    def stimuli(self, rng):
        self.rng, self.complaints = rng, Complaining()
        self.expected = self.held = 0
        self.asked = self.no_room = False
        self.fresh = True
        self.body = b""
        for self.filling, self.running in ((0, 0.2), (0.02, 0.2), (0, 0.004), (0.1, 0.01)):
            for _ in range(60):
                sequence = self.expected
                for _ in range(rng.choice([1, 1, 3])):
                    self.send("i", *self.frame(rng, sequence & 0xFF))
                    sequence += 1
                while self.bench.unsent["i"]:
                    yield {}

    def frame(self, rng, sequence):
        """Bytes of a frame and its end, mostly the one that is due."""
        code = rng.choice([*Command, 77])
        sequence = rng.choice(
            [sequence] * 4 + [sequence ^ rng.choice([1, 2, 128]), rng.randrange(256)]
        )
        body = Frame(sequence, code, rng.randbytes(rng.choice([0, 1, 2, rng.randrange(40)])))
        data = unstuff(body.encode()[:-1])
        kind = rng.random()
        if kind < 0.05:
            data = data[: rng.randrange(len(data))]
        elif kind < 0.1:
            data += rng.randbytes(rng.randint(1, 5))
        elif kind < 0.2:
            place = rng.randrange(len(data))
            data = data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
        end = {"data": 0, "end": 1, "damaged": rng.random() < 0.05}
        return [*({"data": byte, "end": 0, "damaged": 0} for byte in data), end]

    def always(self):
        done = self.held > 0 and self.rng.random() < self.running
        return {"full": self.rng.random() < self.filling, "done": done}

    def step(self, now):
        wanted = {"write": 0, "commit": 0, "discard": 0, "taken": 0, "damaged": 0}
        said = {}
        if now.i is not None and now.i["end"]:
            said = self.end(now, wanted)
            self.body, self.no_room = b"", False
        elif now.i is not None:
            size = HEADER.size
            if len(self.body) >= size:
                size += HEADER.unpack_from(self.body)[2]
            kept = len(self.body) < size
            wanted["write"] = kept and not now.full and not self.no_room
            wanted["data"] = now.i["data"] if wanted["write"] else None
            self.no_room = self.no_room or (kept and bool(now.full))
            self.body += bytes([now.i["data"]])
        expected = said.pop("expected", self.expected)
        owed = self.complaints.step(now.complaint is not None, expected, **said)
        self.held += wanted["commit"] - now.done
        return wanted | {"complaint": owed}

    def end(self, now, wanted):
        """What the end of a frame decides, and what there is to say."""
        said = {"expected": self.expected}
        refused = self.no_room or self.held == RESULT_SLOTS
        try:
            frame = decode(stuff(self.body)[:-1])
            ahead = frame.sequence - self.expected & 0xFF
            wanted["damaged"] = now.i["damaged"]
        except Damaged:
            wanted["damaged"] = 1
        if wanted["damaged"]:
            said["go_back"] = Status.DAMAGED
        elif self.fresh and frame.code != Command.SYNC:
            said["go_back"] = Status.RESTARTED
        elif frame.code == Command.SYNC or ahead == 0:
            wanted["commit"] = wanted["taken"] = int(not refused)
            if refused and not self.asked:
                said["go_back"] = Status.NO_ROOM
        elif ahead >= 128:
            said["duplicate"] = frame.sequence
        elif not self.asked:
            said["go_back"] = Status.GAP
        wanted["discard"] = 1 - wanted["commit"]
        if wanted["commit"]:
            self.asked, self.expected = False, frame.sequence + 1 & 0xFF
            self.fresh = False
        self.asked = self.asked or "go_back" in said
        return said
