"""Augmentation of uint8 BGR crops: colour, grey, blur, motion blur, noise, JPEG. All draw from the generator they get."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from tracker_core.types import Image


@dataclass
class AugmentConfig:
    """Probabilities and ranges.

    Attributes:
        shift: largest distance of the target from the search region's centre, in crop pixels.
        far_shift: the same for the share `far_shift_probability` of pairs.
        scale: the search region's scale is exp(uniform(−scale, scale)).
        template_shift, template_scale: the same for the exemplar.
        aspect: width over height changes by exp(uniform(−aspect, aspect)) in stills and cut-outs.
        colour: strength of brightness, contrast and per-channel gain, 0..1.
        rotation: largest rotation of a cut-out between exemplar and search region, in degrees.
    """

    shift: float = 56.0
    far_shift: float = 96.0
    far_shift_probability: float = 0.2
    scale: float = 0.25
    template_shift: float = 4.0
    template_scale: float = 0.05
    aspect: float = 0.2
    colour: float = 0.3
    grey_probability: float = 0.15
    blur_probability: float = 0.15
    motion_blur_probability: float = 0.15
    noise_probability: float = 0.1
    jpeg_probability: float = 0.1
    flip_probability: float = 0.5
    rotation: float = 35.0
    occluder_probability: float = 0.25
    distractor_probability: float = 0.35


def jitter_colour(image: Image, rng: np.random.Generator, strength: float) -> Image:
    """Return the picture with random gain, offset and per-channel balance; `strength` 0 changes nothing."""
    gain = np.exp(rng.uniform(-strength, strength)) * np.exp(rng.uniform(-strength / 4, strength / 4, 3))
    offset = rng.uniform(-strength, strength) * 64
    table = np.arange(256, dtype=np.float32)[:, None]
    table = np.clip((table - 128) * gain.astype(np.float32) + 128 + np.float32(offset), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(image, table.reshape(1, 256, 3)), np.uint8)


def to_grey(image: Image) -> Image:
    """Return the picture without colour, three equal channels."""
    return np.asarray(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR), np.uint8)


def blur_motion(image: Image, rng: np.random.Generator, longest: int = 13) -> Image:
    """Return the picture smeared along a random direction over 3 to `longest` pixels."""
    length = int(rng.integers(3, longest + 1))
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(rng.uniform(0, 180)), 1.0)
    kernel = cv2.warpAffine(kernel, turn, (length, length))
    return np.asarray(cv2.filter2D(image, -1, kernel / max(float(kernel.sum()), 1e-6)), np.uint8)


def degrade(image: Image, rng: np.random.Generator, config: AugmentConfig) -> Image:
    """Return the picture with the blurs, the noise and the JPEG artefacts that the dice give."""
    if rng.random() < config.motion_blur_probability:
        image = blur_motion(image, rng)
    elif rng.random() < config.blur_probability:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.6, 2.2))), np.uint8)
    if rng.random() < config.noise_probability:
        noise = rng.normal(0, rng.uniform(2, 12), image.shape)
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < config.jpeg_probability:
        _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 70))])
        image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return image
