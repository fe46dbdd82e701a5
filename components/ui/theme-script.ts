/** Where the choice of a theme is kept. */
export const THEME_KEY = "ripcord-theme";

/** Runs in the page's head, before anything is drawn and any module is loaded: hence as text. */
export const THEME_SCRIPT = `try{var t=localStorage.getItem("${THEME_KEY}");if(t==="light"||t==="dark")document.documentElement.dataset.theme=t}catch{}`;
