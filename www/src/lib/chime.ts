/** A short tone for a new alert, higher and twice for a critical one. Off unless the visitor turned it on. */
import type { Severity } from 'pulsewire';

const PITCH_HZ: Record<Severity, number> = { critical: 988, high: 784, medium: 659, low: 523 };
let context: AudioContext | undefined;

export function chime(severity: Severity): void {
  context ??= new AudioContext();
  const strokes = severity === 'critical' ? 2 : 1;
  for (let i = 0; i < strokes; i += 1) {
    const at = context.currentTime + i * 0.22;
    const tone = context.createOscillator();
    const gain = context.createGain();
    tone.frequency.value = PITCH_HZ[severity];
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.12, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.2);
    tone.connect(gain).connect(context.destination);
    tone.start(at);
    tone.stop(at + 0.21);
  }
}
