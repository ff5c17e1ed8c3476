"""CIFAR-100: as CIFAR-10, with a hundred classes (the fine labels)."""

from __future__ import annotations

from sw.data.cifar10 import LEVELS, Images, load_images
from sw.data.dataset import Dataset, Request

CLASS_NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can
castle caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin
elephant flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard
lobster man maple_tree motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear
pickup_truck pine_tree plain plate poppy porcupine possum rabbit raccoon ray road rocket rose sea seal
shark shrew skunk skyscraper snail snake spider squirrel streetcar sunflower sweet_pepper table tank
telephone television tiger tractor train trout tulip turtle wardrobe whale willow_tree wolf woman worm
"""
CIFAR100 = Images(
    name="cifar100",
    folders=(".", "cifar-100-python"),
    train_files=("train",),
    test_files=("test",),
    labels=b"fine_labels",
    class_names=tuple(CLASS_NAMES.split()),
    archive="cifar-100-python.tar.gz",
    mean=(0.5071, 0.4865, 0.4409),
    deviation=(0.2673, 0.2564, 0.2762),
)


def load_cifar100(request: Request, *, code: str = "level", levels: int = LEVELS) -> Dataset:
    """Load CIFAR-100 from `root`: `cifar-100-python`, its files, an `.npz`, or a folder with one.

    Everything else is as in `sw.data.cifar10.load_cifar10`.

    Raises:
        DataError: a file is missing or damaged, the code is unknown, or the pool does not divide 32.
    """
    return load_images(CIFAR100, request, code, levels)
