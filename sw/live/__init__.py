"""A network in use, on a page: it classifies what comes, and learns from it on line, sample by sample.

In come a loaded device and a `Feed` of samples: a data set, or a recording in real time. A `Session` runs
them in a thread and keeps what there is to see; `app` serves that to a browser and takes its wishes: learn
or not, this was a three, move the sensor. The page is three files beside this one and needs no others.
"""

from sw.live.feeds import DatasetFeed, Feed, Given, RecordingFeed, shifted
from sw.live.session import Moment, Session
from sw.live.wishes import Wishes

__all__ = [
    "DatasetFeed",
    "Feed",
    "Given",
    "Moment",
    "RecordingFeed",
    "Session",
    "Wishes",
    "shifted",
]
