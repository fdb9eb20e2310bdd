"""Draws the bundled clip: a ladybird on a forest floor, its twin, a leaf that hides it, a cloud that dims the light.

Everything is computed here from one seed, so that the clip is ours to ship. Writes `siamscope_clip.mp4` (H.264) and
`siamscope_clip_groundtruth_rect.txt` (OTB's form: x,y,w,h, 1-based, one line a frame) beside this script, or to --out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tracker_core.files import write_text
from tracker_core.rendering.writers import VideoWriter

WIDTH, HEIGHT, FPS, FRAMES, SEED = 640, 480, 30, 330, 2019
WORLD = 1500  # side of the ground in pixels
SPRITE = 320  # side of a beetle's image


def fractal_noise(rng: np.random.Generator, size: int, first: int, octaves: int, gain: float = 0.55) -> np.ndarray:
    """Return smooth noise float32 (size, size) in 0..1: octaves of random grids, each twice as fine."""
    total, weight, amplitude = np.zeros((size, size), np.float32), 0.0, 1.0
    for octave in range(octaves):
        cells = first * 2**octave + 3
        grid = rng.random((cells, cells)).astype(np.float32)
        total += amplitude * cv2.resize(grid, (size, size), interpolation=cv2.INTER_CUBIC)
        weight += amplitude
        amplitude *= gain
    return np.clip(total / weight, 0, 1)


def draw_ground(rng: np.random.Generator) -> np.ndarray:
    """Return the forest floor, uint8 (WORLD, WORLD, 3) BGR: soil, moss, pebbles with shadows, dry needles."""
    coarse, fine = fractal_noise(rng, WORLD, 5, 7, 0.62), fractal_noise(rng, WORLD, 60, 4, 0.8)
    moss = np.clip((fractal_noise(rng, WORLD, 4, 6) - 0.47) * 7, 0, 1)[..., None]
    soil = np.array([62, 88, 118], np.float32) * (0.45 + 0.8 * coarse[..., None]) * (0.75 + 0.5 * fine[..., None])
    green = np.array([52, 112, 92], np.float32) * (0.4 + 0.9 * fine[..., None]) * (0.7 + 0.5 * coarse[..., None])
    ground = soil * (1 - moss) + green * moss
    for _ in range(420):
        draw_pebble(ground, rng)
    for _ in range(700):
        start = rng.uniform(0, WORLD, 2)
        angle, length = rng.uniform(0, np.pi), rng.uniform(12, 46)
        end = start + length * np.array([np.cos(angle), np.sin(angle)])
        shade = rng.uniform(0.6, 1.15) * np.array([70, 118, 160])
        for offset, color in ((np.array([2, 3]), (30, 40, 48)), (np.zeros(2), tuple(shade))):
            a, b = start + offset, end + offset
            ends = tuple(int(v) for v in a), tuple(int(v) for v in b)
            cv2.line(ground, *ends, color, 2 if length > 30 else 1, cv2.LINE_AA)
    return np.clip(ground, 0, 255).astype(np.uint8)


def draw_pebble(ground: np.ndarray, rng: np.random.Generator) -> None:
    """Draw one shaded stone with its shadow into `ground`."""
    center = rng.uniform(0, WORLD, 2)
    axes = np.exp(rng.uniform(np.log(3), np.log(19))) * np.array([1, rng.uniform(0.6, 1)])
    angle = float(rng.uniform(0, 180))
    tone = rng.uniform(0.6, 1.2) * np.array([118, 128, 132]) * rng.uniform(0.85, 1.1, 3)
    # shadow, stone, its lit side, its highlight: shift towards the light, size, colour
    layers = (
        (3.5, 1.0, tone * 0.28),
        (0.0, 1.0, tone * 0.75),
        (-0.18 * axes[0], 0.72, tone),
        (-0.32 * axes[0], 0.32, tone * 1.25),
    )
    for shift, scale, color in layers:
        at = (int(center[0] + shift), int(center[1] + shift))
        size = (max(1, int(axes[0] * scale)), max(1, int(axes[1] * scale)))
        cv2.ellipse(ground, at, size, angle, 0, 360, tuple(float(v) for v in color), -1, cv2.LINE_AA)


def draw_beetle(rng: np.random.Generator, spots: int, step: float) -> tuple[np.ndarray, np.ndarray]:
    """Return a ladybird that looks right (+x): premultiplied BGRA float32 and the mask of its body without the legs.

    `step` in 0..1 is the phase of its walk; `spots` per wing.
    """
    size = SPRITE * 2
    color, alpha = np.zeros((size, size, 3), np.float32), np.zeros((size, size), np.float32)
    middle = size / 2

    def fill(mask: np.ndarray, paint: np.ndarray | tuple[float, float, float]) -> None:
        x, y, w, h = cv2.boundingRect(mask)
        part = np.s_[y : y + h, x : x + w]
        m = (mask[part].astype(np.float32) / 255)[..., None]
        over = np.asarray(paint, np.float32)
        color[part] = color[part] * (1 - m) + (over[part] if over.ndim == 3 else over) * m
        alpha[part] = np.maximum(alpha[part], m[..., 0])

    def ellipse(x: float, y: float, a: float, b: float, turn: float = 0.0) -> np.ndarray:
        mask = np.zeros((size, size), np.uint8)
        at = (round(middle + x), round(middle + y))
        cv2.ellipse(mask, at, (round(a), round(b)), turn, 0, 360, 255, -1, cv2.LINE_AA)
        return mask

    legs = np.zeros((size, size), np.uint8)
    for side in (-1, 1):
        for number, place in enumerate((-70, 10, 85)):
            swing = 22 * np.sin(2 * np.pi * (step + 0.5 * ((number + (side > 0)) % 2)))
            knee = (place * 1.25 + swing * 0.6, side * 165)
            foot = (place * 1.7 + swing * 1.5, side * 215)
            points = np.array([(place, side * 110), knee, foot]) + middle
            cv2.polylines(legs, [np.round(points).astype(np.int32)], False, 255, 13, cv2.LINE_AA)
        bend = side * 60 + 8 * np.sin(2 * np.pi * step)
        points = np.array([(190, side * 28), (245, bend), (272, side * 52)]) + middle
        cv2.polylines(legs, [np.round(points).astype(np.int32)], False, 255, 7, cv2.LINE_AA)
    fill(legs, (22, 24, 28))
    body = np.maximum.reduce([ellipse(-20, 0, 172, 138), ellipse(128, 0, 62, 92), ellipse(182, 0, 36, 56)])
    fill(ellipse(182, 0, 36, 56), (30, 30, 32))
    fill(ellipse(128, 0, 62, 92), (26, 26, 30))
    for side in (-1, 1):
        fill(ellipse(140, side * 62, 30, 20, side * 25), (214, 224, 226))
    wings = ellipse(-20, 0, 172, 138)
    ys, xs = np.mgrid[:size, :size].astype(np.float32)
    height = np.clip(1 - ((xs - middle + 20) / 178) ** 2 - ((ys - middle) / 144) ** 2, 0, 1) ** 0.5
    red = np.stack([20 + 30 * height, 26 + 44 * height, 120 + 110 * height], -1)
    fill(wings, red)
    for number in range(spots):
        x = -120 + 200 * (number + 0.5) / spots
        y = 62 + 30 * ((number * 37) % 3 - 1)
        for side in (-1, 1):
            radius = 25 + 7 * ((number * 29) % 3)
            fill(cv2.min(ellipse(x, side * y, radius, radius * 0.9), wings), (24, 22, 26))
    fill(cv2.min(ellipse(112, 0, 26, 34), wings), (24, 22, 26))
    seam = np.zeros((size, size), np.uint8)
    cv2.line(seam, (round(middle - 190), round(middle)), (round(middle + 130), round(middle)), 255, 4, cv2.LINE_AA)
    fill(cv2.min(seam, wings), (18, 18, 40))
    shine = cv2.GaussianBlur(ellipse(-50, -62, 70, 26, -18), (0, 0), 16)
    fill(cv2.min((shine * 0.75).astype(np.uint8), wings), (235, 240, 250))
    grain = 1 + 0.05 * rng.standard_normal((size, size, 1)).astype(np.float32)
    image = np.dstack([color * grain * alpha[..., None], alpha])
    half = (SPRITE, SPRITE)
    return (
        cv2.resize(image, half, interpolation=cv2.INTER_AREA),
        cv2.resize(body.astype(np.float32) / 255, half, interpolation=cv2.INTER_AREA),
    )


def draw_leaf(rng: np.random.Generator, length: float, tint: float) -> np.ndarray:
    """Return a leaf as premultiplied BGRA float32 (side, side, 4), its stem to the left."""
    side = int(length * 1.1)
    t = np.linspace(0, 1, 80)
    edge = np.sin(np.pi * t**0.85) * length * 0.27 * (1 + 0.04 * np.sin(38 * t))
    xs = side * 0.04 + t * length
    outline = np.concatenate([np.stack([xs, side / 2 - edge], 1), np.stack([xs, side / 2 + edge], 1)[::-1]])
    mask = np.zeros((side, side), np.uint8)
    cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 255, cv2.LINE_AA)
    rows = np.abs(np.arange(side) - side / 2)[:, None] / (length * 0.27)
    texture = 0.75 + 0.5 * fractal_noise(rng, side, 8, 5)
    paint = np.array([48, 128, 104 + 60 * tint], np.float32) * (texture * (1.12 - 0.3 * rows))[..., None]
    veins = np.zeros((side, side), np.uint8)
    cv2.line(veins, (int(xs[0]), side // 2), (int(xs[-1]), side // 2), 255, 4, cv2.LINE_AA)
    for x in np.linspace(0.14, 0.82, 9):
        start, reach = side * 0.04 + x * length, length * 0.2 * np.sin(np.pi * x)
        for sign in (-1, 1):
            tip = (int(start + reach), int(side / 2 + sign * reach))
            cv2.line(veins, (int(start), side // 2), tip, 200, 2, cv2.LINE_AA)
    v = (veins.astype(np.float32) / 255)[..., None] * 0.45
    paint = paint * (1 - v) + np.array([96, 190, 170], np.float32) * v
    alpha = (mask.astype(np.float32) / 255)[..., None]
    return np.dstack([paint * alpha, alpha])


@dataclass(frozen=True)
class Pose:
    """Where a beetle is: its centre in world pixels, its heading in radians, its scale."""

    x: float
    y: float
    heading: float
    scale: float


def target_pose(t: float) -> Pose:
    """Return the pose of the target at t in 0..1: a winding walk, nearer to the camera in the middle."""

    def place(s: float) -> np.ndarray:
        return np.array([420 + 640 * s + 45 * np.sin(9.5 * s), 700 + 150 * np.sin(6.6 * s + 0.4) - 60 * s])

    ahead = place(t + 0.004) - place(t - 0.004)
    scale = 0.29 + 0.09 * np.sin(np.pi * t) ** 2 + 0.02 * np.sin(17 * t)
    x, y = place(t)
    return Pose(float(x), float(y), float(np.arctan2(ahead[1], ahead[0])), float(scale))


def twin_pose(t: float) -> Pose:
    """Return the pose of the twin: it crosses the target's way at about two fifths and comes back at the end."""
    meet = target_pose(0.40)
    if t < 0.7:
        s = (t - 0.40) / 0.3
        return Pose(meet.x - 46 - 250 * s, meet.y + 76 + 190 * s, float(np.arctan2(190, -250)), 0.34)
    s = (t - 0.70) / 0.3
    late = target_pose(0.92)
    return Pose(late.x + 330 * (1 - s) - 20, late.y - 210 * (1 - s) - 66, float(np.arctan2(210, -330)), 0.29)


def paste(
    canvas: np.ndarray, sprite: np.ndarray, matrix: np.ndarray, shade: tuple[float, float, float] | None
) -> np.ndarray:
    """Lay a premultiplied sprite over `canvas` (float32) by an affine matrix; `shade` is its shadow: dx, dy, blur."""
    size = (canvas.shape[1], canvas.shape[0])
    warped = cv2.warpAffine(sprite, matrix, size, flags=cv2.INTER_AREA)
    alpha = warped[..., 3:]
    if shade is not None:
        moved = matrix.copy()
        moved[:, 2] += shade[:2]
        dark = cv2.GaussianBlur(cv2.warpAffine(sprite[..., 3], moved, size), (0, 0), shade[2])[..., None]
        canvas *= 1 - 0.55 * dark
    canvas *= 1 - alpha
    canvas += warped[..., :3]
    return alpha[..., 0]


def placement(x: float, y: float, angle: float, scale: float, side: int) -> np.ndarray:
    """Return the 2×3 matrix that puts a sprite's centre at (x, y), turned by `angle` radians and scaled."""
    c, s = scale * np.cos(angle), scale * np.sin(angle)
    half = side / 2
    return np.array([[c, -s, x - c * half + s * half], [s, c, y - s * half - c * half]], np.float64)


def draw_frames(frames: int = FRAMES) -> Iterator[tuple[np.ndarray, tuple[float, float, float, float]]]:
    """Yield each frame (uint8 HEIGHT × WIDTH × 3 BGR) and the target's box x, y, w, h (0-based, pixels).

    The box holds the body and the head, also where the leaf hides them; the legs and feelers stand out of it.
    """
    rng = np.random.default_rng(SEED)
    ground = draw_ground(rng)
    walks = [draw_beetle(rng, 3, phase / 8) for phase in range(8)]
    twins = [draw_beetle(rng, 3, phase / 8)[0] for phase in range(8)]
    leaf_spot = target_pose(0.66)
    leaves = [
        (draw_leaf(rng, 165, 0.2), leaf_spot.x + 4, leaf_spot.y - 4, 1.45),
        (draw_leaf(rng, 260, 0.9), 560.0, 480.0, 0.4),
        (draw_leaf(rng, 200, 0.5), 930.0, 920.0, 2.3),
        (draw_leaf(rng, 240, 1.0), 300.0, 900.0, -0.6),
        (draw_leaf(rng, 210, 0.1), 1210.0, 560.0, 2.9),
    ]
    yy, xx = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    vignette = 1 - 0.22 * (((xx - WIDTH / 2) / WIDTH) ** 2 + ((yy - HEIGHT / 2) / HEIGHT) ** 2)[..., None] * 2
    for index in range(frames):
        t = index / FRAMES
        pose, other = target_pose(t), twin_pose(t)
        # the camera follows late and not wholly, as a hand-held one does
        lagging = target_pose(max(0.0, t - 0.03))
        left = 0.75 * lagging.x + 0.25 * 760 - WIDTH / 2 + 5 * np.sin(31 * t)
        top = 0.6 * lagging.y + 0.4 * 690 - HEIGHT / 2 + 4 * np.sin(27 * t + 1)
        view = np.array([[1, 0, -left], [0, 1, -top]], np.float64)
        canvas = cv2.warpAffine(ground, view, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR).astype(np.float32)
        phase = int(index * 0.9) % 8
        at = placement(other.x - left, other.y - top, other.heading, other.scale, SPRITE)
        paste(canvas, twins[(phase + 3) % 8], at, (7, 9, 5))
        at = placement(pose.x - left, pose.y - top, pose.heading, pose.scale, SPRITE)
        sprite, body = walks[phase]
        paste(canvas, sprite, at, (8, 10, 5))
        visible = cv2.warpAffine(body, at, (WIDTH, HEIGHT)) > 0.5
        ys, xs = np.nonzero(visible)
        box = (float(xs.min()), float(ys.min()), float(np.ptp(xs) + 1), float(np.ptp(ys) + 1))
        for leaf, x, y, angle in leaves:
            paste(canvas, leaf, placement(x - left, y - top, angle, 1.0, leaf.shape[0]), (13, 17, 9))
        # a cloud's edge passes from the left and goes again
        edge = np.clip((t - 0.76) * 14, 0, 1) - np.clip((t - 0.9) * 12, 0, 1)
        front = 1 / (1 + np.exp((xx - WIDTH * (2.4 * np.clip((t - 0.74) / 0.1, 0, 1) - 0.5)) / 60))[..., None]
        light = 1 - 0.5 * front * min(1.0, edge * 1.2) * np.array([0.82, 0.95, 1.05], np.float32)
        image = canvas * light * vignette * (1 + 0.03 * np.sin(12 * t))
        image += rng.normal(0, 2.2, image.shape[:2])[..., None]
        yield np.clip(image, 0, 255).astype(np.uint8), box


def main() -> None:
    """Draw the clip and its ground truth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    args = parser.parse_args()
    lines = []
    with VideoWriter(args.out / "siamscope_clip.mp4", FPS, crf=21, preset="slow") as writer:
        for image, (x, y, w, h) in draw_frames():
            writer.write(image)
            lines.append(f"{x + 1:.0f},{y + 1:.0f},{w:.0f},{h:.0f}")
    write_text(args.out / "siamscope_clip_groundtruth_rect.txt", "\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
