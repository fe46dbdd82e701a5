import type { Metadata } from "next";
import { notFound } from "next/navigation";
import { Styleguide } from "../../../components/styleguide/styleguide.tsx";

export const metadata: Metadata = { title: "Styleguide" };

/** For those who work on Ripcord: every component in every state, as the product draws it. Not there in production. */
export default function StyleguidePage() {
  if (process.env.NODE_ENV === "production") notFound();
  return <Styleguide />;
}
