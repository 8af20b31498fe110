/** The chat beside a call. What people write is shown as text, never as markup. */

import { byId } from "./widgets.js";

const MAX_SHOWN = 200;

export class Chat {
  #unread = 0;
  #say;

  /** @param {(text: string) => Promise<boolean>} say false when it could not be sent */
  constructor(say) {
    this.#say = say;
    byId("chat-form").addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    byId("chat-close").addEventListener("click", () => this.toggle(false));
    byId("chat").addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.toggle(false);
    });
  }

  get isOpen() {
    return !byId("chat").hidden;
  }

  /** @param {boolean} [open] */
  toggle(open = !this.isOpen) {
    const button = byId("chat-toggle");
    // Asked first: what is hidden keeps the focus for a moment, then nobody has it.
    const hadFocus = byId("chat").contains(document.activeElement);
    byId("chat").hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    if (open) {
      this.#setUnread(0);
      byId("chat-text").focus();
    } else if (hadFocus) button.focus();
  }

  /** @param {{name: string, text: string, isOwn?: boolean}} message */
  add({ name, text, isOwn = false }) {
    const entry = document.createElement("li");
    const head = document.createElement("p");
    const body = document.createElement("p");
    entry.className = isOwn ? "said own" : "said";
    head.className = "said-by";
    body.className = "said-text";
    const time = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    head.textContent = `${isOwn ? "You" : name || "Guest"} · ${time}`;
    body.textContent = text;
    entry.append(head, body);
    const log = byId("chat-log");
    log.append(entry);
    while (log.children.length > MAX_SHOWN) log.firstElementChild?.remove();
    log.scrollTop = log.scrollHeight;
    byId("chat-empty").hidden = true;
    if (!isOwn && !this.isOpen) this.#setUnread(this.#unread + 1);
  }

  clear() {
    byId("chat-log").replaceChildren();
    byId("chat-empty").hidden = false;
    this.#setUnread(0);
    this.toggle(false);
  }

  async #send() {
    const field = byId("chat-text");
    const text = field.value.trim();
    if (!text) return;
    field.value = "";
    const isSent = await this.#say(text);
    byId("chat-problem").hidden = isSent;
    if (isSent) this.add({ name: "", text, isOwn: true });
    else field.value ||= text;
  }

  #setUnread(count) {
    this.#unread = count;
    byId("chat-unread").textContent = count > 99 ? "99+" : String(count);
    byId("chat-unread").hidden = count === 0;
    byId("chat-toggle").setAttribute(
      "aria-label", count ? `Chat, ${count} unread` : "Chat");
  }
}
