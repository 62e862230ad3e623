import { html } from "./html.ts"

/* Drawn in the text's colour. Hidden from screen readers, because the words beside them say the same. */

export const tickIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="32" cy="32" r="22" fill="currentColor"/><path d="M22.5 32.8l6.6 6.6 13-14" fill="none" stroke="#fff" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`

export const clockIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="32" cy="32" r="20" fill="none" stroke="currentColor" stroke-width="4"/><path d="M32 21v12l8 5" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round" stroke-linejoin="round"/></svg>`

export const stopIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="32" cy="32" r="20" fill="none" stroke="currentColor" stroke-width="4"/><path d="M32 22v13" stroke="currentColor" stroke-width="4.4" stroke-linecap="round"/><circle cx="32" cy="42.4" r="2.8" fill="currentColor"/></svg>`

export const crossIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="32" cy="32" r="20" fill="none" stroke="currentColor" stroke-width="4"/><path d="M25 25l14 14M39 25L25 39" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/></svg>`

export const closedIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="32" cy="32" r="20" fill="none" stroke="currentColor" stroke-width="4"/><path d="M23.5 32h17" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/></svg>`

export const payersIcon = html`<svg class="icon" viewBox="0 0 64 64" aria-hidden="true"><circle cx="32" cy="32" r="30" fill="currentColor" opacity=".12"/><circle cx="26" cy="26" r="6.5" fill="none" stroke="currentColor" stroke-width="4"/><path d="M14.5 46c0-7 5-11 11.5-11s11.5 4 11.5 11" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/><path d="M39 21.500a6 6 0 0 1 1 11.400M43 37.500c4.2 1.4 6.5 4.6 6.5 8.5" fill="none" stroke="currentColor" stroke-width="4" stroke-linecap="round"/></svg>`

export const lockIcon = html`<svg class="glyph" viewBox="0 0 16 16" aria-hidden="true"><rect x="2.6" y="7" width="10.8" height="7.2" rx="1.8" fill="currentColor"/><path d="M5 7V4.8a3 3 0 0 1 6 0V7" fill="none" stroke="currentColor" stroke-width="1.7"/></svg>`
