export * from './compareValues.ts';
export * from './compilePattern.ts';
export * from './compileSelector.ts';
export * from './compileWhere.ts';
export * from './extractionFaults.ts';
export * from './path.ts';
