/**
 * The guided tour: a few stops on the real ward. Offered once, in a corner; it starts when somebody asks for it, and never by itself.
 */
import type { MessageKey } from './messages';
import { load, save } from './prefs';
import { Value } from './value';

export interface Stop {
  /** What it points at: the element with this `data-tour`. */
  at: string;
  title: MessageKey;
  text: MessageKey;
  /** A stop where something can be tried. */
  tries?: 'cut';
}

export const STOPS: readonly Stop[] = [
  { at: 'beds', title: 'tourBeds', text: 'tourBedsText' },
  { at: 'connection', title: 'tourConnection', text: 'tourConnectionText' },
  { at: 'faults', title: 'tourFaults', text: 'tourFaultsText', tries: 'cut' },
  { at: 'journal', title: 'tourJournal', text: 'tourJournalText' },
  { at: 'measurements', title: 'tourMeasurements', text: 'tourMeasurementsText' },
  { at: 'person', title: 'tourPerson', text: 'tourPersonText' },
];

const KEY = 'tour';

class Tour {
  /** The stop it stands at; nothing while it is not under way. */
  readonly stop = new Value<number | undefined>(undefined);
  /** Whether to offer it: until it was taken or declined once. */
  readonly offered = new Value(load(KEY) !== 'done');

  start(): void {
    this.#known();
    this.stop.set(0);
  }

  go(by: number): void {
    const next = (this.stop.get() ?? 0) + by;
    if (next >= STOPS.length) this.end();
    else this.stop.set(Math.max(0, next));
  }

  end(): void {
    this.stop.set(undefined);
  }

  decline(): void {
    this.#known();
  }

  #known(): void {
    save(KEY, 'done');
    this.offered.set(false);
  }
}

export const tour = new Tour();
