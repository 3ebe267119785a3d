/**
 * The sounds of toasts, made by Web Audio: no file to load, none to be missing.
 *
 * Browsers let a page sound only after its user has touched it. So the audio is unlocked by the first gesture anywhere on the page; where a
 * sound falls due before, `blocked` says so, for a hint that can be seen, and what was missed a moment ago sounds when it is unlocked.
 * An interruption (a call, another app, a sleeping phone) may block it again: the next gesture unlocks it as the first one did.
 * A storm is one sound: within 1.5 s only something graver is heard.
 */
import { Source } from '../observable.js';
import type { Severity } from '../types.js';

/** Tones: from when, how long (s), how high (Hz). Graver ones are longer and higher, and differ in rhythm, so that ears can tell them apart. */
const TONES: Record<Severity, readonly (readonly [number, number, number])[]> = {
  critical: [
    [0, 0.14, 988],
    [0.2, 0.14, 988],
    [0.4, 0.26, 1319],
  ],
  high: [
    [0, 0.16, 880],
    [0.22, 0.2, 880],
  ],
  medium: [[0, 0.22, 659]],
  low: [[0, 0.18, 523]],
};
const ORDER: readonly Severity[] = ['critical', 'high', 'medium', 'low'];
const QUIET_MS = 1_500;
/** What was missed longer ago sounds no more. */
const LATE_MS = 10_000;
const GESTURES = ['pointerdown', 'keydown', 'touchend'] as const;

let audio: AudioContext | undefined;
let isBlocked = false;
let missed: { severity: Severity; volume: number; at: number } | undefined;
let last: { severity: Severity; at: number } | undefined;
let users = 0;

/** Whether a sound fell due that the browser did not allow. */
export const blocked = new Source(() => isBlocked);

function setBlocked(next: boolean): void {
  if (next === isBlocked) return;
  isBlocked = next;
  blocked.changed();
}

function awaitGesture(): void {
  for (const gesture of GESTURES) document.addEventListener(gesture, onGesture, { capture: true, passive: true });
}

/** In a gesture of the user: from now on the page may sound. */
export async function unlock(): Promise<void> {
  if (typeof AudioContext !== 'function') return;
  if (!audio) {
    audio = new AudioContext();
    audio.onstatechange = regain;
  }
  try {
    await audio.resume();
  } catch {
    // It stays blocked, which the hint says.
  }
  if (audio.state !== 'running') return;
  for (const gesture of GESTURES) document.removeEventListener(gesture, onGesture, true);
  setBlocked(false);
  const late = missed;
  missed = undefined;
  if (late && Date.now() - late.at < LATE_MS) play(late.severity, late.volume);
}
const onGesture = (): void => void unlock();
/** A call or another app takes the sound away, and does not always give it back: then it is asked for again, at once and at each gesture. */
function regain(): void {
  if (users === 0) return;
  awaitGesture();
  // Before the first gesture there is none, and it would only be refused.
  if (audio) void unlock();
}

/** Waits for the first gesture; call the result when nobody needs sounds any more. */
export function prepareChime(): () => void {
  if (users++ === 0 && audio?.state !== 'running') {
    awaitGesture();
    // Touched before the elements came: the browser allows it already.
    if (navigator.userActivation?.hasBeenActive) onGesture();
  }
  return () => {
    if (--users > 0) return;
    for (const gesture of GESTURES) document.removeEventListener(gesture, onGesture, true);
    missed = undefined;
    setBlocked(false);
  };
}

/** Sounds once for a severity, or says that it may not. */
export function chime(severity: Severity, volume: number): void {
  if (volume <= 0 || typeof AudioContext !== 'function') return;
  const now = Date.now();
  const graver = !last || ORDER.indexOf(severity) < ORDER.indexOf(last.severity);
  if (last && now - last.at < QUIET_MS && !graver) return;
  last = { severity, at: now };
  if (audio?.state === 'running') {
    play(severity, volume);
    return;
  }
  if (!missed || now - missed.at > LATE_MS || ORDER.indexOf(severity) <= ORDER.indexOf(missed.severity))
    missed = { severity, volume, at: now };
  setBlocked(true);
  regain();
}

function play(severity: Severity, volume: number): void {
  if (!audio) return;
  const begin = audio.currentTime + 0.02;
  for (const [from, length, hertz] of TONES[severity]) {
    const tone = audio.createOscillator();
    const loudness = audio.createGain();
    tone.type = 'triangle';
    tone.frequency.value = hertz;
    // Ramps, because a tone that is cut clicks.
    loudness.gain.setValueAtTime(0, begin + from);
    loudness.gain.linearRampToValueAtTime(volume, begin + from + 0.015);
    loudness.gain.setValueAtTime(volume, begin + from + length - 0.05);
    loudness.gain.linearRampToValueAtTime(0, begin + from + length);
    tone.connect(loudness).connect(audio.destination);
    tone.start(begin + from);
    tone.stop(begin + from + length);
  }
}
