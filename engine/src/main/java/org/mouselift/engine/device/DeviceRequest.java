package org.mouselift.engine.device;

import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where a command shall compute: {@code cpu}, or a kind of device with an optional number, as in {@code opencl:1}.
 *
 * @param kind cpu, opencl, ptx or cuda
 * @param index number among the devices of the kind; empty for the first that is a GPU, else the first
 */
public record DeviceRequest(String kind, OptionalInt index) {
    private static final Pattern FORM = Pattern.compile("(cpu|opencl|ptx|cuda)(?::(\\d{1,4}))?");
    public static final DeviceRequest CPU = new DeviceRequest("cpu", OptionalInt.empty());

    /** @throws DeviceException if the text is not of the form */
    public static DeviceRequest parse(String text) {
        Matcher m = FORM.matcher(text);
        if (!m.matches() || m.group(1).equals("cpu") && m.group(2) != null) {
            throw new DeviceException("device '" + text + "', expected cpu, opencl, ptx or cuda, the last three with an optional number: opencl:1");
        }
        return new DeviceRequest(m.group(1), m.group(2) == null ? OptionalInt.empty() : OptionalInt.of(Integer.parseInt(m.group(2))));
    }

    public boolean isCpu() {
        return kind.equals("cpu");
    }

    /** The asked device among those that exist. */
    public DeviceInfo choose(List<DeviceInfo> devices) {
        List<DeviceInfo> own = devices.stream().filter(d -> d.kind().equals(kind) && (index.isEmpty() || index.getAsInt() == d.index())).toList();
        if (own.isEmpty()) {
            throw new DeviceException("device '" + this + "' does not exist; there "
                    + (devices.isEmpty() ? "are no devices" : "is: " + String.join("; ", devices.stream().map(DeviceInfo::toString).toList()))
                    + ". mouselift doctor says more");
        }
        return own.stream().filter(DeviceInfo::gpu).findFirst().orElse(own.getFirst());
    }

    @Override
    public String toString() {
        return index.isEmpty() ? kind : kind + ":" + index.getAsInt();
    }
}
