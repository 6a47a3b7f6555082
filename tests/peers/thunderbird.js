// What the tests ask of Thunderbird, in its own words; runs with its privileges, by Marionette.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");
const { MailUtils } = ChromeUtils.importESModule("resource:///modules/MailUtils.sys.mjs");
const { setTimeout } = ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs");

const server = () => MailServices.accounts.defaultAccount.incomingServer;
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const until = async (what, found) => {
  for (let tries = 0; tries < 300; tries++) {
    const value = await found();
    if (value) return value;
    await pause(100);
  }
  throw new Error(`waited for ${what}`);
};
const ended = (start) =>
  new Promise((resolve, reject) =>
    start({
      QueryInterface: ChromeUtils.generateQI(["nsIUrlListener", "nsIMsgCopyServiceListener"]),
      OnStartRunningUrl() {},
      OnStopRunningUrl: (url, status) => (status ? reject(new Error(`status ${status}`)) : resolve()),
      onStartCopy() {},
      onProgress() {},
      setMessageKey() {},
      getMessageId: () => null,
      onStopCopy: (status) => (status ? reject(new Error(`status ${status}`)) : resolve()),
    }),
  );
const folder = (name) =>
  until(`folder ${name}`, () => server().rootFolder.descendants.find((each) => each.name === name));
const headers = (of) => [...of.messages];
const header = async (name, subject) => {
  const of = await folder(name);
  return until(`letter ${subject}`, () => headers(of).find((each) => each.mime2DecodedSubject === subject));
};

const tasks = {
  async signIn(user, password) {
    const login = Cc["@mozilla.org/login-manager/loginInfo;1"].createInstance(Ci.nsILoginInfo);
    login.init("imap://localhost", null, "imap://localhost", user, password, "", "");
    await Services.logins.addLoginAsync(login);
    server().performExpand(null);
  },
  async folders(count) {
    await until("folders", () => server().rootFolder.descendants.length >= count);
    return server().rootFolder.descendants.map((each) => each.name);
  },
  async subjects(name, count) {
    const of = (await folder(name)).QueryInterface(Ci.nsIMsgImapMailFolder);
    of.updateFolder(null);
    await until(`${count} letters`, () => headers(of).length >= count);
    return headers(of).map((each) => each.mime2DecodedSubject);
  },
  async arrival(name, subject) {
    await header(name, subject); // comes by IDLE: nobody asks
  },
  async read(name, subject) {
    const found = await header(name, subject);
    MailUtils.displayMessage(found);
    const shown = await until("the letter's text", () => {
      const tabs = Services.wm.getMostRecentWindow("mail:3pane").document.getElementById("tabmail");
      const text = tabs.currentAboutMessage?.getMessagePaneBrowser?.()?.contentDocument?.body?.textContent;
      return text && text.trim();
    });
    await until("it to be marked as read", () => found.isRead);
    return shown;
  },
  async flag(name, subject) {
    const found = await header(name, subject);
    found.folder.markMessagesFlagged([found], true);
  },
  async remove(name, subject) {
    const found = await header(name, subject);
    await ended((listener) => found.folder.deleteMessages([found], null, false, false, listener, false));
  },
  async append(name, path) {
    const file = Cc["@mozilla.org/file/local;1"].createInstance(Ci.nsIFile);
    file.initWithPath(path);
    const of = await folder(name);
    await ended((listener) => MailServices.copy.copyFileMessage(file, of, null, false, 1, "", listener, null));
  },
};

const [task, parameters, resolve] = arguments;
tasks[task](...parameters).then(
  (value) => resolve({ value }),
  (error) => resolve({ error: `${error} ${error.stack ?? ""}` }),
);
