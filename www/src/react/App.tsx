/** The frame around the ward: top bar, banner, toasts, title, and what is shown where nobody is signed in. */
import { PulsewireProvider, useAlerts, useConnection } from 'pulsewire/react';
import { PulsewireBanner, PulsewireToasts } from 'pulsewire/react/elements';
import { useEffect, useRef, type MouseEvent } from 'react';
import { preferences } from '../lib/prefs';
import { current, type Ward } from '../lib/ward';
import { Empty, Footer } from './parts';
import { SoundInvite } from './SoundInvite';
import { TopBar } from './TopBar';
import { WardPage } from './WardPage';
import { useValue, useWords } from './hooks';

export function App() {
  const ward = useValue(current.ward);
  const main = useRef<HTMLElement>(null);
  const { lang, t } = useWords();
  if (!ward) return null;
  const skip = (event: MouseEvent): void => {
    event.preventDefault();
    main.current?.focus();
  };
  return (
    <PulsewireProvider client={ward.client}>
      <a className="skip-link" href="#main" onClick={skip}>
        {t('skipToContent')}
      </a>
      <TopBar />
      <main id="main" className="page-main" ref={main} tabIndex={-1} lang={lang}>
        <Shell ward={ward} />
      </main>
    </PulsewireProvider>
  );
}

function Shell({ ward }: { ward: Ward }) {
  const connection = useConnection();
  const { unread } = useAlerts();
  const { t } = useWords();
  const sound = useValue(preferences.sound);
  const soundChosen = useValue(preferences.soundChosen);
  const failure = useValue(ward.failure);
  const saidNo = useValue(ward.refused);

  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${t('wardReact')} · ${t('appName')}`;
  }, [unread, t]);

  const page = (): React.ReactNode => {
    if (failure !== undefined) return <Empty title={t('failed')} hint={failure} bad alone />;
    if (connection.state !== 'unauthorized') return <WardPage ward={ward} />;
    return (
      <Empty title={t('refusedTitle')} hint={t('refusedHint', { reason: connection.reason ?? saidNo ?? 'unauthorized' })} bad alone>
        <a className="button primary" href="/#/sign-in">
          {t('signIn')}
        </a>
      </Empty>
    );
  };
  return (
    <>
      <PulsewireBanner />
      {!soundChosen && failure === undefined && connection.state !== 'unauthorized' && <SoundInvite />}
      {page()}
      <Footer />
      <PulsewireToasts silent={!sound} />
    </>
  );
}
