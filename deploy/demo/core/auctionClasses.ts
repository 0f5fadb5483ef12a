/** How many items of a class an auction house lists, and what they are like; counts and shares are those of the recorded answer. */
export interface AuctionClass {
  readonly name: string;
  readonly count: number;
  /** Name and weight. */
  readonly subClasses: readonly (readonly [string, number])[];
  /** Mean and deviation of the decimal logarithm of a price in copper. */
  readonly priceLog10: number;
  readonly priceSpread: number;
  /** Share of items without a market value on one realm. */
  readonly rareShare: number;
  readonly nouns: readonly string[];
  /** Put before every name of the class. */
  readonly prefix?: string;
}

export const auctionClasses: readonly AuctionClass[] = [
  { name: 'Consumable', count: 1543, priceLog10: 6.48, priceSpread: 1.02, rareShare: 0.61, subClasses: [['Food & Drink', 651], ['Other', 485], ['Potion', 129], ['Explosives and Devices', 123], ['Elixir', 105], ['Flask', 33], ['Bandage', 27]], nouns: ['Bread', 'Brew', 'Chowder', 'Draught', 'Elixir', 'Feast', 'Flask', 'Jerky', 'Philtre', 'Pie', 'Potion', 'Stew', 'Tea', 'Tonic'] },
  { name: 'Container', count: 91, priceLog10: 6.71, priceSpread: 1.05, rareShare: 0.54, subClasses: [['Bag', 66], ['Enchanting Bag', 6], ['Inscription Bag', 6], ['Engineering Bag', 5], ['Gem Bag', 4], ['Mining Bag', 4]], nouns: ['Bag', 'Pack', 'Pouch', 'Sack', 'Satchel'] },
  { name: 'Weapon', count: 2131, priceLog10: 7.59, priceSpread: 0.74, rareShare: 0.27, subClasses: [['Mace', 378], ['Sword', 343], ['Axe', 293], ['Dagger', 255], ['Staff', 231], ['Gun', 126], ['Bow', 116], ['Wand', 114], ['Polearm', 100], ['Fist Weapon', 89], ['Crossbow', 67], ['Warglaives', 7], ['Miscellaneous', 12]], nouns: ['Axe', 'Blade', 'Bow', 'Cleaver', 'Club', 'Dagger', 'Edge', 'Glaive', 'Hammer', 'Mace', 'Pike', 'Rapier', 'Rifle', 'Stave', 'Sword', 'Wand'] },
  { name: 'Gem', count: 488, priceLog10: 6.8, priceSpread: 0.58, rareShare: 0.86, subClasses: [['Multiple Stats', 230], ['Other', 60], ['Intellect', 41], ['Critical Strike', 35], ['Haste', 33], ['Versatility', 27], ['Agility', 18], ['Stamina', 17], ['Strength', 16], ['Mastery', 11]], nouns: ['Beryl', 'Citrine', 'Garnet', 'Jade', 'Opal', 'Pearl', 'Spinel', 'Topaz', 'Zircon'] },
  { name: 'Armor', count: 8766, priceLog10: 7.43, priceSpread: 0.69, rareShare: 0.34, subClasses: [['Cloth', 2447], ['Leather', 1832], ['Mail', 1740], ['Plate', 1448], ['Miscellaneous', 1004], ['Shield', 288], ['Cosmetic', 7]], nouns: ['Belt', 'Boots', 'Bracers', 'Breastplate', 'Cap', 'Cloak', 'Cord', 'Cowl', 'Gauntlets', 'Girdle', 'Gloves', 'Greaves', 'Helm', 'Hood', 'Leggings', 'Mantle', 'Pauldrons', 'Ring', 'Robe', 'Sandals', 'Shield', 'Spaulders', 'Tunic', 'Vest', 'Wraps'] },
  { name: 'Tradeskill', count: 1189, priceLog10: 5.6, priceSpread: 1.12, rareShare: 0.17, subClasses: [['Cooking', 259], ['Other', 183], ['Herb', 144], ['Jewelcrafting', 136], ['Metal & Stone', 104], ['Leather', 95], ['Parts', 62], ['Elemental', 57], ['Inscription', 55], ['Cloth', 48], ['Enchanting', 46]], nouns: ['Bar', 'Bolt', 'Dust', 'Essence', 'Fish', 'Hide', 'Ink', 'Leaf', 'Ore', 'Pigment', 'Root', 'Scale', 'Shard', 'Silk', 'Spice', 'Stone', 'Thread'] },
  { name: 'Item Enhancements', count: 430, priceLog10: 7.01, priceSpread: 0.61, rareShare: 0.47, subClasses: [['Item Enhancements (Permanent)', 258], ['Obliterum', 64], ['Armor Kits', 38], ['Enchant Scrolls', 35], ['Shield Spikes', 23], ['Item Enhancement (Misc)', 12]], nouns: ['Armor Kit', 'Scope', 'Spike', 'Spellthread', 'Weightstone'] },
  { name: 'Recipe', count: 921, priceLog10: 7.43, priceSpread: 0.86, rareShare: 0.27, subClasses: [['Blacksmithing', 163], ['Leatherworking', 163], ['Tailoring', 155], ['Jewelcrafting', 102], ['Cooking', 83], ['Enchanting', 76], ['Engineering', 74], ['Alchemy', 70], ['Book', 60], ['Inscription', 11]], prefix: 'Recipe: ', nouns: ['Belt', 'Boots', 'Broth', 'Chain', 'Charm', 'Cloak', 'Draught', 'Gloves', 'Lantern', 'Robe'] },
  { name: 'Quest', count: 409, priceLog10: 7.19, priceSpread: 0.88, rareShare: 0.54, subClasses: [['Quest', 409]], nouns: ['Effigy', 'Idol', 'Ledger', 'Letter', 'Map', 'Relic', 'Sketch', 'Tablet'] },
  { name: 'Glyph', count: 102, priceLog10: 6.83, priceSpread: 0.54, rareShare: 0.01, subClasses: [['Druid', 17], ['Warlock', 16], ['Priest', 14], ['Warrior', 11], ['Hunter', 11], ['Shaman', 10], ['Demon Hunter', 9], ['Monk', 8], ['Paladin', 6]], prefix: 'Glyph of ', nouns: ['Echoes', 'Feathers', 'Honor', 'Lanterns', 'Mists', 'Ravens'] },
  { name: 'Miscellaneous', count: 1355, priceLog10: 7.15, priceSpread: 1.27, rareShare: 0.74, subClasses: [['Junk', 1033], ['Companion Pets', 166], ['Other', 81], ['Mount', 35], ['Holiday', 32], ['Reagent', 8]], nouns: ['Candle', 'Cub', 'Figurine', 'Goblet', 'Hatchling', 'Kite', 'Lantern', 'Plume', 'Spoon', 'Token', 'Trinket'] },
  { name: 'Key', count: 3, priceLog10: 7.43, priceSpread: 0.6, rareShare: 0.67, subClasses: [['Key', 3]], nouns: ['Key', 'Skeleton Key'] },
];

/** Herbs and ores with the ids that the real service gives them, so that the sample job asks for the same items there; prices in copper are invented. */
export const wellKnownItems: readonly { readonly id: number; readonly name: string; readonly level: number; readonly class: 'Tradeskill'; readonly subClass: 'Herb' | 'Metal & Stone'; readonly price: number }[] = [
  ...wellKnown([[765, 'Silverleaf', 5], [785, 'Mageroyal', 10], [2447, 'Peacebloom', 5], [2449, 'Earthroot', 10], [2450, 'Briarthorn', 15], [2452, 'Swiftthistle', 15], [2453, 'Bruiseweed', 20], [3355, 'Wild Steelbloom', 22], [3356, 'Kingsblood', 24], [3357, 'Liferoot', 30], [3358, "Khadgar's Whisker", 37], [3369, 'Grave Moss', 22], [3818, 'Fadeleaf', 32], [3819, "Dragon's Teeth", 39], [3820, 'Stranglekelp', 20], [3821, 'Goldthorn', 34], [4625, 'Firebloom', 41], [8831, 'Purple Lotus', 42], [8836, "Arthas' Tears", 44], [8838, 'Sungrass', 46], [8839, 'Blindweed', 47], [8845, 'Ghost Mushroom', 47], [8846, 'Gromsblood', 50], [13463, 'Dreamfoil', 54], [13464, 'Golden Sansam', 52], [13465, 'Mountain Silversage', 56]], 'Herb'),
  ...wellKnown([[2770, 'Copper Ore', 10], [2771, 'Tin Ore', 20], [2772, 'Iron Ore', 30], [2775, 'Silver Ore', 10], [2776, 'Gold Ore', 25], [3858, 'Mithril Ore', 40]], 'Metal & Stone'),
];

function wellKnown(list: readonly (readonly [number, string, number])[], subClass: 'Herb' | 'Metal & Stone') {
  return list.map(([id, name, level]) => ({ id, name, level, class: 'Tradeskill' as const, subClass, price: 15_000 + 2_500 * level }));
}
