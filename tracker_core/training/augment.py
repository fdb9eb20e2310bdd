"""Augmentation of uint8 BGR crops: colour, grey, blur, motion blur, noise, JPEG; all draw from a given generator."""

from __future__ import annotations

from statistics import NormalDist

import cv2
import numpy as np

from tracker_core.config.training import AugmentConfig
from tracker_core.types import Image

_NORMAL_QUANTILES = np.array([NormalDist().inv_cdf((index + 0.5) / 256) for index in range(256)], np.float32)


def jitter_colour(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Return the image with random gain, offset and per-channel balance; `strength` 0 changes nothing."""
    gain = np.exp(rng.uniform(-strength, strength)) * np.exp(rng.uniform(-strength / 4, strength / 4, 3))
    offset = rng.uniform(-strength, strength) * 64
    table = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((table - 128) * gain.astype(np.float32) + 128 + np.float32(offset), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), np.uint8)


def to_grey(image: Image) -> Image:
    """Return the image without colour, three equal channels."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def motion_kernel(length: int, degrees: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return a line of `length` pixels in a direction as a float32 (length, length) filter that sums to 1."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    middle = (length - 1) / 2
    turned = cv2.warpAffine(kernel, cv2.getRotationMatrix2D((middle, middle), degrees, 1.0), (length, length))
    return np.asarray(turned / max(float(turned.sum()), 1e-6), np.float32)


def blur_motion(image: Image, rng: np.random.Generator, longest: int = 13) -> Image:
    """Return the image smeared along a random direction over 3 to `longest` pixels."""
    kernel = motion_kernel(int(rng.integers(3, longest + 1)), float(rng.uniform(0, 180)))
    return np.asarray(cv2.filter2D(image, -1, kernel), np.uint8)


def add_noise(image: Image, rng: np.random.Generator, deviation: float) -> Image:
    """Return the image with Gaussian noise of `deviation` grey levels."""
    # random bytes looked up in a table of the distribution's quantiles: a tenth of the time of drawing normal numbers
    dice = np.frombuffer(rng.bytes(image.size), np.uint8).reshape(image.shape)
    noise = cv2.LUT(dice, _NORMAL_QUANTILES * np.float32(deviation))
    return np.asarray(cv2.add(image, noise, dtype=cv2.CV_8U), np.uint8)


def degrade(image: Image, rng: np.random.Generator, config: AugmentConfig) -> Image:
    """Return the image with the blurs, the noise and the JPEG artefacts that are drawn."""
    if rng.random() < config.motion_blur_probability:
        image = blur_motion(image, rng)
    elif rng.random() < config.blur_probability:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 2.2))), np.uint8)
    if rng.random() < config.noise_probability:
        image = add_noise(image, rng, float(rng.uniform(2, 12)))
    if rng.random() < config.jpeg_probability:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 70))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return image
