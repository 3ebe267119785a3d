/** Brand, connection, pages, and what the visitor prefers. */
import { PulsewireBell, PulsewireConnection } from 'pulsewire/react/elements';
import { identity, initialsOf } from '../lib/identity';
import { follow, PAGES, WARD_HREF } from '../lib/links';
import { preferences, type Theme } from '../lib/prefs';
import { Icon } from './Icon';
import { useValue, useWords } from './hooks';

const NEXT: Record<Theme, Theme> = { system: 'light', light: 'dark', dark: 'system' };
const THEMES = { system: ['contrast', 'themeSystem'], light: ['sun', 'themeLight'], dark: ['moon', 'themeDark'] } as const;

export function TopBar() {
  const { lang, t } = useWords();
  const person = useValue(identity.person);
  const theme = useValue(preferences.theme);
  const sound = useValue(preferences.sound);
  const [icon, themeName] = THEMES[theme];
  const themeSays = `${t('theme')}: ${t(themeName)}`;
  const soundSays = t(sound ? 'soundOn' : 'soundOff');
  return (
    <header className="top-bar">
      <div className="inner">
        <a className="brand" href={WARD_HREF} aria-label={t('appName')}>
          <img src="/pulse.svg" alt="" width="30" height="30" />
          <span>{t('appName')}</span>
        </a>
        <PulsewireConnection className="connection" />
        <nav aria-label={t('pages')}>
          {PAGES.map(({ id, href, icon: sign, label }) => (
            <a key={id} href={href} aria-current={id === 'react' ? 'page' : undefined}>
              <Icon name={sign} size={18} />
              <span>{t(label)}</span>
            </a>
          ))}
        </nav>
        <div className="spacer" />
        <div className="segmented" role="group" aria-label={t('language')}>
          <button type="button" lang="en" aria-pressed={lang === 'en'} onClick={() => preferences.setLang('en')} title="English">
            EN
          </button>
          <button type="button" lang="pt-BR" aria-pressed={lang === 'pt-BR'} onClick={() => preferences.setLang('pt-BR')} title="Português">
            PT
          </button>
        </div>
        <PulsewireBell onNotificationClick={({ detail }) => follow(detail.link)} />
        <button className="icon" type="button" aria-pressed={sound} aria-label={soundSays} title={soundSays} onClick={() => preferences.setSound(!sound)}>
          <Icon name={sound ? 'sound' : 'mute'} />
        </button>
        <button className="icon" type="button" aria-label={themeSays} title={themeSays} onClick={() => preferences.setTheme(NEXT[theme])}>
          <Icon name={icon} />
        </button>
        <a className="person" href="/#/sign-in" title={`${t('signedInAs', { name: person.name })}. ${t('switchUser')}`}>
          <span className="avatar" aria-hidden="true">
            {initialsOf(person)}
          </span>
          <span className="name">{person.name}</span>
          <span className="visually-hidden">{t('switchUser')}</span>
        </a>
      </div>
    </header>
  );
}
