"""Synthesises recordings: a telephone call, a room, a message left (16-bit mono WAV)."""

import array
import io
import math
import random
import wave
from collections.abc import Callable

from jit_portal.demo.case.makers.subject import Subject

RATE = 8000
KEYS = {"1": (697, 1209), "4": (770, 1209), "5": (770, 1336), "7": (852, 1209), "9": (852, 1477), "0": (941, 1336)}
Track = list[float]


def call(subject: Subject) -> bytes:
    """A tapped call: keys pressed, ringing, two voices in turn, the line going dead."""
    rng = subject.generator("call")
    track = _silence(0.4)
    for key in rng.choices(list(KEYS), k=7):
        track += _tones(KEYS[key], 0.12) + _silence(0.08)
    track += (_tones((425,), 1.0) + _silence(1.6)) * 2
    for turn in range(rng.randint(4, 6)):
        track += _speech(rng, 118 if turn % 2 else 172, rng.uniform(1.2, 2.6)) + _silence(0.3)
    track += (_tones((425,), 0.25) + _silence(0.25)) * 3
    return _wav(_hiss(rng, track, 0.012))


def room(subject: Subject) -> bytes:
    """A microphone in a room: mains hum, steps, distant talk."""
    rng = subject.generator("room")
    track = _silence(1.0)
    for _ in range(rng.randint(5, 7)):
        far = [value * 0.45 for value in _speech(rng, rng.choice((104, 126, 190)), rng.uniform(0.8, 2.4))]
        track += far + _silence(rng.uniform(0.3, 0.9))
    hum = [value + 0.03 * math.sin(index / RATE * math.tau * 50) for index, value in enumerate(track)]
    for start in range(0, len(hum) - 900, RATE * 3 // 4):
        for index in range(500):
            hum[start + index] += 0.25 * math.exp(-index / 70) * rng.uniform(-1, 1)
    return _wav(_hiss(rng, hum, 0.03))


def voicemail(subject: Subject) -> bytes:
    """A message left after the tone."""
    rng = subject.generator("voicemail")
    track = _tones((1000,), 0.6) + _silence(0.5)
    for _ in range(4):
        track += _speech(rng, 150, rng.uniform(1.4, 2.8)) + _silence(0.35)
    return _wav(_hiss(rng, track + _tones((480, 620), 0.5), 0.008))


def _silence(seconds: float) -> Track:
    return [0.0] * int(seconds * RATE)


def _tones(pitches: tuple[int, ...], seconds: float) -> Track:
    steps = [pitch * math.tau / RATE for pitch in pitches]
    return [0.3 / len(steps) * sum(math.sin(index * step) for step in steps) for index in range(int(seconds * RATE))]


def _speech(rng: random.Random, pitch: float, seconds: float) -> Track:
    """Syllables without words: a buzz at the pitch of a voice, shaped by two moving resonances."""
    track: Track = []
    while len(track) < seconds * RATE:
        track += _syllable(rng, pitch * rng.uniform(0.9, 1.15), int(rng.uniform(0.12, 0.26) * RATE))
        track += _silence(rng.choice((0.02, 0.03, 0.12)))
    return track


def _syllable(rng: random.Random, pitch: float, length: int) -> Track:
    low, high, glide = rng.uniform(300, 800), rng.uniform(1000, 2200), rng.uniform(-0.15, 0.15)
    filters = [_resonance(low), _resonance(high)]
    track, phase = [], 0.0
    for index in range(length):
        phase += pitch * (1 + glide * index / length) / RATE
        buzz = 2 * (phase % 1.0) - 1
        envelope = math.sin(math.pi * index / length) ** 0.6
        track.append(0.16 * envelope * sum(apply(buzz) for apply in filters))
    return track


def _resonance(frequency: float) -> Callable[[float], float]:
    width = 0.965
    feedback, gain = 2 * width * math.cos(frequency * math.tau / RATE), 0.12
    last = [0.0, 0.0]

    def apply(value: float) -> float:
        out = gain * value + feedback * last[0] - width * width * last[1]
        last[1], last[0] = last[0], out
        return out

    return apply


def _hiss(rng: random.Random, track: Track, level: float) -> Track:
    noise = rng.randbytes(len(track))
    return [value + level * (byte / 127.5 - 1) for value, byte in zip(track, noise, strict=True)]


def _wav(track: Track) -> bytes:
    samples = array.array("h", (int(max(-1.0, min(1.0, value)) * 32000) for value in track))
    stream = io.BytesIO()
    with wave.open(stream, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(RATE)
        recording.writeframes(samples.tobytes())
    return stream.getvalue()
