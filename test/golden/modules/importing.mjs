import { help } from './nameless.mjs';

export default help;
