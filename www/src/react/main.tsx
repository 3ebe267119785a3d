/** The ward's main page in React: the same package, the same styles and the same code below the markup as in Svelte. */
import '../app.css';
import '../ward.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { identity } from '../lib/identity';
import { CHAT_HREF } from '../lib/links';
import { current } from '../lib/ward';
import { App } from './App';

const target = document.getElementById('app');
if (!target) throw new Error('react/index.html has no #app');
// A patient has the messages alone, which are in Svelte.
if (identity.person.get().role === 'patient') location.replace(CHAT_HREF);
// The client belongs to the page and not to a component: StrictMode mounts twice, and there is one connection.
current.start(identity.person.get());
createRoot(target).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
