package org.mouselift.engine.device;

/**
 * A library of a card's maker that can compute some operations instead of kernels of ours, or could if it were there.
 *
 * @param name as its maker writes it
 * @param usable programs may use it
 * @param about where it is, or why it is not usable
 */
public record VendorLibrary(String name, boolean usable, String about) {
    @Override
    public String toString() {
        return usable ? name : name + " not usable: " + about;
    }
}
