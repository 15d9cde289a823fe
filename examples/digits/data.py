# SPDX-License-Identifier: Apache-2.0
"""The digits: scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set.

1,797 grey images of 8×8 pixels with the values 0..16, shipped inside the package, so nothing is
downloaded.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

SEED = 1
TEST_IMAGES = 360

Images = NDArray[np.uint8]
Labels = NDArray[np.uint8]


class Digits(NamedTuple):
    """The data, split. Images are (N, 8, 8, 1) with values 0..16; labels are (N,) with 0..9."""

    train_images: Images
    train_labels: Labels
    test_images: Images
    test_labels: Labels


def load_data() -> Digits:
    """Load the digits and set ``TEST_IMAGES`` of them aside, with the classes in equal proportion."""
    bunch = load_digits()
    images = bunch.images.astype(np.uint8)[..., np.newaxis]
    labels = bunch.target.astype(np.uint8)
    train_images, test_images, train_labels, test_labels = train_test_split(
        images, labels, test_size=TEST_IMAGES, random_state=SEED, stratify=labels
    )
    return Digits(train_images, train_labels, test_images, test_labels)
