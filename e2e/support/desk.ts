import { expect } from "@playwright/test";
import type { Locator, Page } from "@playwright/test";

/** One cord on one VM, by the names that the screen shows. */
export interface Cord {
  instance: string;
  vm: string;
}

/** Opens the dialog of one cord. The returned locator goes on to be the dialog once it is confirmed, under another title. */
export async function openDialog(page: Page, { instance, vm }: Cord): Promise<Locator> {
  await page.getByRole("button", { name: `Yank ${instance}…`, exact: true }).click();
  const dialog = page.getByRole("alertdialog", { name: `Yank ${instance} on ${vm}?` });
  await expect(dialog).toBeVisible();
  await expect(dialog.getByRole("button", { name: "Cancel", exact: true })).toBeFocused();
  return page.getByRole("alertdialog");
}

/** The button of an open dialog that sends the yank. */
export function confirmButton(dialog: Locator, instance: string): Locator {
  return dialog.getByRole("button", { name: `Yank ${instance}`, exact: true });
}

/** The field that asks for the VM's name before anything is armed. */
export function nameField(dialog: Locator, vm: string): Locator {
  return dialog.getByRole("textbox", { name: `Type ${vm} to arm` });
}

/** Every cord of the page that could be pulled now. */
export function armedCords(page: Page): Locator {
  return page.getByRole("button", { name: /^Yank .*…$/, disabled: false });
}
