/** Finds heartbeats in an ECG, to hold against the heart rate that came with it: the picture must be the recording's. */

/**
 * How well beats and rates agree: each rate belongs to a beat that ends at its time, and says 60,000 / (that beat's length).
 *
 * @param {{ t: number[], v: number[] }} ecg
 * @param {{ t: number[], v: number[] }} rate
 * @returns {{ beats: number, onPeak: number, middleBpm: number }} rates looked at, how many lie on a peak, the middle difference in bpm (a single extra beat has no clear peak)
 */
export function compare(ecg, rate) {
  const sorted = [...ecg.v].sort((a, b) => a - b);
  const high = sorted[Math.floor(sorted.length * 0.92)];
  let beats = 0;
  let onPeak = 0;
  const differences = [];
  for (let i = 1; i < rate.t.length; i += 1) {
    const previous = peakNear(ecg, rate.t[i - 1]);
    const here = peakNear(ecg, rate.t[i]);
    if (!previous || !here) continue; // outside the ECG's window
    const length = here.t - previous.t;
    if (length > 2_000) continue; // the seam of the loop
    beats += 1;
    if (here.v >= high && previous.v >= high) onPeak += 1;
    differences.push(Math.abs(60_000 / length - rate.v[i]));
  }
  differences.sort((a, b) => a - b);
  return { beats, onPeak, middleBpm: differences[differences.length >> 1] ?? Number.NaN };
}

/** The highest sample within 40 ms of a time; nothing where the ECG does not reach. */
function peakNear(ecg, time) {
  if (time - 40 < ecg.t[0] || time + 40 > ecg.t.at(-1)) return undefined;
  let best;
  for (let i = 0; i < ecg.t.length; i += 1) {
    if (Math.abs(ecg.t[i] - time) <= 40 && (!best || ecg.v[i] > best.v)) best = { t: ecg.t[i], v: ecg.v[i] };
  }
  return best;
}

/** An ECG-like recording for machines that have no real one: 24 s at 200 Hz with a beat every 750 ms, in the long CSV form. */
export function madeRecording() {
  const lines = ['t,device,metric,value'];
  const bump = (phase, at, width, height) => height * Math.exp(-(((phase - at) / width) ** 2));
  let lastBeat;
  for (let n = 0; n < 24 * 200; n += 1) {
    const t = n * 5;
    const phase = (t % 750) / 750;
    const v = bump(phase, 0.2, 0.03, 0.12) + bump(phase, 0.4, 0.014, 1.2) - bump(phase, 0.44, 0.015, 0.25) + bump(phase, 0.65, 0.06, 0.3);
    lines.push(`${t},bed-1,ecg,${v.toFixed(4)}`);
    if (t % 750 === 300) {
      if (lastBeat !== undefined) lines.push(`${t},bed-1,heart_rate,80`);
      lastBeat = t;
    }
  }
  return `${lines.join('\n')}\n`;
}
