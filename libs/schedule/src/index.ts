export * from './accountFires.ts';
export * from './compileSchedule.ts';
export * from './decideStart.ts';
export * from './jitterOf.ts';
export * from './nextFires.ts';
export * from './parseCron.ts';
export * from './validateSchedule.ts';
