/** What the names of channels for the replies to one caller begin with; random characters follow. */
export const REPLY_CHANNELS = 'keyslot.reply.';
