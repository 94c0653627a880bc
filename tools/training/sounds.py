"""Recordings of digits, what espeak-ng says, and sequences made of them, for listen.py."""

import os
import subprocess
import wave

import numpy as np

RATE = 8000
WORDS = "zero one two three four five six seven eight nine".split()
# espeak-ng's: (voice, pitch, words a minute)
ACCENTS = ["en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc", "en-029"]
VARIANTS = ["m1", "m2", "m3", "m4", "m5", "m6", "m7", "f1", "f2", "f3", "f4", "f5",
            "adam", "Andy", "Annie", "john", "Linda", "steph", "paul", "victor"]
HELD_OUT_VARIANTS = ["m8", "belinda", "edward", "Alex"]


def read_wav(path):
    with wave.open(path) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2), path
        return np.frombuffer(file.readframes(file.getnframes()), np.int16) / np.float32(32768)


def write_wav(path, audio):
    with wave.open(path, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes((np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes())


def resample(audio, speed):
    return np.interp(np.arange(0, len(audio) - 1, speed), np.arange(len(audio)), audio)


def read_recordings(folder):
    """(digit, speaker, take, audio) of each."""
    recordings = []
    for name in sorted(os.listdir(folder)):
        digit, speaker, take = name.removesuffix(".wav").split("_")
        recordings.append((int(digit), speaker, int(take), read_wav(os.path.join(folder, name))))
    return recordings


def espeak(text, voice, pitch, speed):
    """As espeak-ng says it, at 8 kHz, without the silence around it."""
    sound = subprocess.run(
        ["espeak-ng", "-v", voice, "-p", str(pitch), "-s", str(speed), "--stdout", text],
        check=True, capture_output=True).stdout
    rate = int.from_bytes(sound[24:28], "little")
    audio = np.frombuffer(sound[44:len(sound) // 2 * 2], np.int16) / np.float32(32768)
    # Band-limited: what is above 4 kHz is cut off in the spectrum.
    length = len(audio) * RATE // rate
    audio = np.fft.irfft(np.fft.rfft(audio)[:length // 2 + 1], length) * (length / len(audio))
    loud = np.flatnonzero(np.abs(audio) > 0.01)
    return audio[max(0, loud[0] - 80):loud[-1] + 240].astype(np.float32)


def synthesise(random, count, variants):
    said = []
    for n in range(count):
        voice = f"{ACCENTS[random.integers(len(ACCENTS))]}+{variants[random.integers(len(variants))]}"
        audio = espeak(WORDS[n % 10], voice, random.integers(20, 80), random.integers(110, 220))
        said.append((n % 10, "espeak", n, audio))
    return said


def noise(random, length):
    """Of a colour between white and brown, its deviation 1."""
    spectrum = random.standard_normal(length // 2 + 1) + 1j * random.standard_normal(length // 2 + 1)
    frequency = np.maximum(np.arange(length // 2 + 1) * (RATE / length), 40)
    audio = np.fft.irfft(spectrum * frequency ** -random.uniform(0, 1), length)
    return audio / (audio.std() + 1e-9)


def disturbance(random, length):
    """What is no speech: hum, clicks, tones that come and go."""
    audio = np.zeros(length)
    time = np.arange(length) / RATE
    if random.random() < 0.4:
        for harmonic in range(1, 5):
            audio += random.random() / harmonic * np.sin(
                2 * np.pi * random.choice([50, 60]) * harmonic * time + random.uniform(0, 6))
    for _ in range(random.integers(0, 6)):
        at, long = random.integers(0, length), random.integers(4, 1600)
        part = audio[at:at + long]
        if random.random() < 0.5:
            sound = random.standard_normal(len(part)) * np.exp(-np.arange(len(part)) / (long / 4))
        else:
            sweep = random.uniform(100, 3000) + random.uniform(-2000, 2000) * time[:len(part)]
            sound = np.sin(2 * np.pi * sweep * time[:len(part)]) * np.hanning(len(part))
        part += sound * random.uniform(0.3, 3)
    return audio


def decibels(value):
    return 10 ** (value / 20)


def sequence(random, recordings, digits, clean=False):
    """Audio, the digits in it, and where each ends. Levels are the recordings', within some decibels."""
    silence = lambda low, high: np.zeros(int(random.uniform(low, high) * RATE))
    parts, said, ends = [silence(0.05, 0.6)], [], []
    for _ in range(digits):
        digit, _, _, audio = recordings[random.integers(len(recordings))]
        if not clean:
            audio = resample(audio, random.uniform(0.82, 1.22)) * decibels(random.uniform(-5, 5))
        parts.append(audio)
        said.append(digit)
        ends.append(sum(map(len, parts)))
        parts.append(silence(0.03, 0.4))
    parts.append(silence(0.25, 0.4))
    audio = np.concatenate(parts)
    if digits == 0:
        audio = np.zeros(random.integers(RATE, 4 * RATE))
    if clean:
        return audio.astype(np.float32), said, ends
    audio = audio * decibels(random.uniform(-10, 6))
    level = np.sqrt((audio ** 2).mean()) if digits else decibels(random.uniform(-60, -20))
    if digits == 0 and random.random() < 0.6:
        audio = audio + disturbance(random, len(audio)) * level
    if random.random() < 0.8:
        audio = audio + noise(random, len(audio)) * level * decibels(-random.uniform(10, 50))
    elif digits == 0 and random.random() < 0.5:
        audio = audio + noise(random, len(audio)) * level
    return np.clip(audio, -1, 1).astype(np.float32), said, ends
