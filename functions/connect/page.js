// What the page does beyond its forms: it shows that it works, tells times as the owner reads them,
// and talks to Altegio's frame. Without it, everything is there all the same.
(() => {
  const page = document.body.dataset;
  const hosts = page.hosts.split(" ").filter(Boolean);
  const framed = window.parent !== window;

  // Only the origins that may frame the page are told anything; the browser drops it for others.
  const tell = (action, payload) =>
    framed && hosts.forEach((host) => window.parent.postMessage({ action, payload }, host));

  const tellTimes = (within, timeStyle) => {
    for (const time of within.querySelectorAll("time")) {
      const style = { dateStyle: "medium", timeStyle };
      const told = new Intl.DateTimeFormat(document.documentElement.lang, style).format(new Date(time.dateTime));
      // The letter behind a year, as in Russian, begins no line.
      time.textContent = told.replace(/ (?=\p{L}\.)/u, "\u202f");
    }
  };
  tellTimes(document, document.getElementById("ring") ? "medium" : "short");

  // Browsers know what countries are called, but for old ones: there they keep their codes.
  const names = Intl.DisplayNames && new Intl.DisplayNames(document.documentElement.lang, { type: "region" });
  for (const select of names ? document.querySelectorAll("select[name=country]") : []) {
    const options = [...select.options].slice(1);
    for (const option of options) {
      option.text = `${names.of(option.value)} ${option.text.slice(option.value.length + 1)}`;
    }
    select.append(...options.sort((one, other) => one.text.localeCompare(other.text)));
  }

  const working = document.getElementById("working");
  const buttons = document.querySelectorAll("button:enabled");
  document.addEventListener("submit", (event) => {
    // This page stays as it is.
    if (event.target.target) return;
    // After the browser has taken the button's own value into the form.
    setTimeout(() => {
      buttons.forEach((button) => (button.disabled = true));
      working.textContent = page.working;
      working.hidden = false;
    });
  });
  addEventListener("pageshow", () => {
    buttons.forEach((button) => (button.disabled = false));
    working.hidden = true;
  });

  addEventListener("message", (event) => {
    if (event.source !== window.parent || !hosts.includes(event.origin)) return;
    const { action, payload } = Object(event.data);
    if (action === "send_iframe_offset") {
      // The middle of what the owner sees of a frame that is taller than his window.
      const { top, height, windowHeight } = Object(payload);
      const middle = (Math.max(0, -top) + Math.min(height, windowHeight - top)) / 2;
      if (Number.isFinite(middle)) working.style.top = `${middle}px`;
    } else if (action === "close_modal") {
      document.querySelector("h1").scrollIntoView();
    }
  });

  // It asks for no permission, which a frame of another site would not get.
  const copy = (text) => {
    getSelection().selectAllChildren(text);
    return document.execCommand("copy");
  };
  for (const button of document.querySelectorAll("button[data-copy]")) {
    const says = button.textContent;
    button.hidden = false;
    button.addEventListener("click", () => {
      // What was not copied is selected at least.
      if (!copy(document.getElementById(button.dataset.copy))) return;
      button.textContent = button.dataset.done;
      setTimeout(() => (button.textContent = says), 2000);
    });
  }

  const own = document.querySelector("[data-own-number]");
  if (own) {
    own.hidden = false;
    const numbers = [...document.querySelectorAll("[data-number]")];
    const before = numbers.map((number) => number.textContent);
    own.addEventListener("input", (event) => {
      const digits = event.target.value.replace(/\D/g, "");
      numbers.forEach((number, place) => (number.textContent = digits || before[place]));
    });
  }

  // The page that waits for the first ring: it looks while somebody looks at it.
  const ring = document.getElementById("ring");
  const look = async () => {
    if (!document.hidden) {
      try {
        const answer = await fetch(location.href);
        if (!answer.ok) return location.reload();
        // Its style is of another nonce.
        const text = (await answer.text()).replace(/<style.*?<\/style>/s, "");
        const fresh = new DOMParser().parseFromString(text, "text/html");
        const now = fresh.getElementById("ring");
        tellTimes(now, "medium");
        if (now.innerHTML !== ring.innerHTML) {
          ring.innerHTML = now.innerHTML;
          document.title = fresh.title;
        }
        ring.dataset.ring = now.dataset.ring;
        ring.dataset.every = now.dataset.every;
      } catch {
        // There is no connection now: it looks again.
      }
    }
    later();
  };
  const later = () => ring && Number(ring.dataset.every) && setTimeout(look, ring.dataset.every * 1000);
  later();

  if (page.toast) tell("show_toast", { type: page.toast, options: { message: document.querySelector("h1").textContent } });
  if (page.modal === "close") tell("close_modal");
  else if (document.documentElement.scrollHeight > innerHeight) {
    tell("show_modal", { maximized: true, scrollIntoView: true });
  }
})();
