/** The version that the API tells of itself. */
export const version = '0.1.0';
