// What the page does beyond its forms: it shows that it works, tells times as the owner reads them,
// and talks to Altegio's frame. Without it, everything is there all the same.
(() => {
  const page = document.body.dataset;
  const hosts = page.hosts.split(" ").filter(Boolean);
  const framed = window.parent !== window;

  // Only the origins that may frame the page are told anything; the browser drops it for others.
  const tell = (action, payload) =>
    framed && hosts.forEach((host) => window.parent.postMessage({ action, payload }, host));

  for (const time of document.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const style = { dateStyle: "medium", timeStyle: "short" };
    time.textContent = new Intl.DateTimeFormat(document.documentElement.lang, style).format(at);
  }

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
  const buttons = document.querySelectorAll("button");
  document.addEventListener("submit", () => {
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

  if (page.toast) tell("show_toast", { type: page.toast, options: { message: document.querySelector("h1").textContent } });
  if (page.modal === "close") tell("close_modal");
  else if (document.documentElement.scrollHeight > innerHeight) {
    tell("show_modal", { maximized: true, scrollIntoView: true });
  }
})();
