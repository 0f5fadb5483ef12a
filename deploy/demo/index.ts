export { makeCatalogue } from './core/auctionCatalogue.ts';
export { auctionItemsAt, stepsBetweenRevaluations } from './core/auctionItemsAt.ts';
export type { AuctionItem } from './core/auctionItemsAt.ts';
export { makeFeeds } from './feeds.ts';
export type { Feed, StepLengths } from './feeds.ts';
export { startPlayback } from './startPlayback.ts';
export type { Playback } from './startPlayback.ts';
