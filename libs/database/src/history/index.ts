export * from './documents.ts';
export * from './historyCollections.ts';
export * from './historyIds.ts';
export * from './keyframe.ts';
export * from './known.ts';
export * from './mergeVersions.ts';
