/* What is in a mail's frame that only the sanitiser could have let through. */
() => {
  const known = new Set(`html head meta title link body address article aside blockquote caption center col colgroup dd
    details div dl dt figcaption figure footer h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table
    tbody td tfoot th thead tr ul a abbr b bdi bdo big br cite code del dfn em font i ins kbd mark q s samp small span
    strike strong sub sup time tt u var wbr`.split(/\s+/));
  const plain = new Set(`dir lang title align class id color size face start type valign bgcolor width height border
    cellpadding cellspacing colspan rowspan nowrap span`.split(/\s+/));
  const wrong = [];
  for (const element of document.querySelectorAll("*")) {
    const name = element.localName;
    const html = element.namespaceURI === "http://www.w3.org/1999/xhtml";
    if (!html || !known.has(name)) wrong.push(`element ${name}`);
    if (document.head?.contains(element)) continue;
    for (const { name: attribute, value } of element.attributes) {
      const own = attribute === "href" ? name === "a" && /^#address-\d+$/.test(value) : plain.has(attribute);
      if (!own) wrong.push(`${name} ${attribute}=${value.slice(0, 60)}`);
    }
  }
  if ("canary" in window && window.canary === 1) wrong.push("a script ran in the frame");
  return wrong;
}
