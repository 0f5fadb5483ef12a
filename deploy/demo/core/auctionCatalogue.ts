import { seededGauss, seededPick, seededRandom } from './seededRandom.ts';
import { auctionClasses, wellKnownItems } from './auctionClasses.ts';
import type { AuctionClass } from './auctionClasses.ts';

/** What of an item never changes, and the level that its prices wander around (copper). */
export interface CatalogueItem {
  readonly id: number;
  readonly name: string;
  readonly level: number;
  readonly class: string;
  readonly subClass: string;
  readonly vendorBuy: number;
  readonly vendorSell: number;
  readonly basePrice: number;
  /** Seldom seen on this realm: its market value is 0 more often than not, as in the recorded answer. */
  readonly rare: boolean;
  /** Typical number of units on offer. */
  readonly stock: number;
}

const firstWords = ['Amber', 'Ancient', 'Ashen', 'Battered', 'Brass', 'Bright', 'Burnished', 'Carved', 'Cinder', 'Coarse', 'Cold', 'Dawn', 'Deep', 'Dusk', 'Ember', 'Faded', 'Fen', 'Frost', 'Gilded', 'Glass', 'Gloom', 'Grim', 'Hardened', 'Hollow', 'Iron', 'Ivory', 'Knotted', 'Loose', 'Lunar', 'Moss', 'Oaken', 'Pale', 'Polished', 'Quiet', 'Raven', 'Rough', 'Runed', 'Rust', 'Sable', 'Salt', 'Shaded', 'Silver', 'Stone', 'Storm', 'Sun', 'Tempered', 'Thorn', 'Twilight', 'Vale', 'Worn'];
const owners = ['Archer', 'Boatman', 'Captain', 'Drifter', 'Elder', 'Forester', 'Guard', 'Herald', 'Hunter', 'Keeper', 'Mason', 'Pilgrim', 'Raider', 'Scout', 'Seer', 'Tinker', 'Traveller', 'Warden'];
const endings = ['of Dawn', 'of the Bear', 'of the Fen', 'of Embers', 'of the Hollow', 'of the Tide', 'of Quiet', 'of the Owl', 'of Frost', 'of the Watch'];

/** The whole list of an auction house: 17,428 items, as many of each class as in the recorded answer; names and prices are invented. */
export function makeCatalogue(seed: number): readonly CatalogueItem[] {
  const known = new Set(wellKnownItems.map(({ id }) => id));
  const items: CatalogueItem[] = [];
  let lastId = 34;
  let serial = 0;
  const nextId = (): number => {
    do lastId += 1 + Math.floor(seededRandom(seed, 1, (serial += 1)) * 17);
    while (known.has(lastId));
    return lastId;
  };
  for (const [place, kind] of auctionClasses.entries()) {
    const named = wellKnownItems.filter((item) => item.class === kind.name);
    for (const { id, name, level, subClass, price } of named) items.push(makeItem({ seed, id, name, level, kind, subClass, price }));
    for (let made = named.length; made < kind.count; made += 1) {
      const id = nextId();
      const subClass = pickSubClass(kind, seededRandom(seed, 2, id));
      const price = 10 ** (kind.priceLog10 + kind.priceSpread * seededGauss(seed, 3, id));
      items.push(makeItem({ seed, id, name: inventName(seed, id, place, kind), level: Math.max(1, Math.round(120 * seededRandom(seed, 4, id) ** 0.8)), kind, subClass, price }));
    }
  }
  return items;
}

function makeItem(options: { seed: number; id: number; name: string; level: number; kind: AuctionClass; subClass: string; price: number }): CatalogueItem {
  const { seed, id, name, level, kind, subClass, price } = options;
  const vendorSell = seededRandom(seed, 5, id) < 0.03 ? 0 : Math.max(1, Math.round((price / 400) * Math.exp(0.8 * seededGauss(seed, 6, id))));
  return {
    id, name, level, class: kind.name, subClass, vendorSell,
    vendorBuy: seededRandom(seed, 7, id) < 0.13 ? 0 : vendorSell * (kind.name === 'Armor' || kind.name === 'Weapon' ? 5 : 4),
    basePrice: Math.min(99_999_999_999, Math.max(100, Math.round(price))),
    rare: seededRandom(seed, 8, id) < kind.rareShare,
    stock: kind.name === 'Tradeskill' ? Math.ceil(400 * seededRandom(seed, 9, id) ** 3) : Math.ceil(4 * seededRandom(seed, 9, id) ** 3),
  };
}

function pickSubClass(kind: AuctionClass, chance: number): string {
  const whole = kind.subClasses.reduce((sum, [, weight]) => sum + weight, 0);
  let left = chance * whole;
  for (const [name, weight] of kind.subClasses) if ((left -= weight) < 0) return name;
  return kind.name;
}

function inventName(seed: number, id: number, place: number, kind: AuctionClass): string {
  const noun = seededPick(kind.nouns, seed, 10, id, place);
  if (kind.prefix !== undefined) return `${kind.prefix}${seededPick(firstWords, seed, 11, id)} ${noun}`;
  const style = seededRandom(seed, 12, id);
  if (style < 0.2) return `${seededPick(owners, seed, 13, id)}'s ${noun}`;
  if (style < 0.35) return `${noun} ${seededPick(endings, seed, 14, id)}`;
  return `${seededPick(firstWords, seed, 15, id)} ${noun}`;
}
