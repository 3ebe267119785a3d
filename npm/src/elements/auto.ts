/** `pulsewire/elements/auto`: registers the elements at import. The only entry with a side effect. */
import { defineElements } from './register.js';

void defineElements();
