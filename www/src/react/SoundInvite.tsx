/** Sound begins off, because a browser lets nothing sound before a click: the page asks for that click where it is seen. */
import { preferences } from '../lib/prefs';
import { Icon } from './Icon';
import { useWords } from './hooks';

export function SoundInvite() {
  const { t } = useWords();
  return (
    <section className="panel sound-invite" aria-label={t('sound')}>
      <Icon name="mute" size={20} />
      <p>
        <strong>{t('soundInvite')}</strong> {t('soundInviteText')}
      </p>
      <div>
        <button type="button" className="button" onClick={() => preferences.setSound(false)}>
          {t('soundKeepOff')}
        </button>
        <button type="button" className="button primary" onClick={() => preferences.setSound(true)}>
          {t('soundTurnOn')}
        </button>
      </div>
    </section>
  );
}
