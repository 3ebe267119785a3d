import Link from 'next/link';
import { Alerts } from './alerts';

const beds = ['bed-1', 'bed-2', 'bed-3', 'bed-4'];

export default function Ward() {
  return (
    <main>
      <h1>Ward</h1>
      <ul>
        {beds.map(id => (
          <li key={id}>
            <Link href={`/beds/${id}`}>{id}</Link>
          </li>
        ))}
      </ul>
      <Alerts />
    </main>
  );
}
