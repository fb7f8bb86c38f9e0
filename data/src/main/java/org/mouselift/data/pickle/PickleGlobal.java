package org.mouselift.data.pickle;

import java.util.List;

/**
 * A name that a pickle may refer to, and what it stands for here. Nothing is ever looked up by reflection: a pickle can
 * reach exactly the globals in the map given to {@link PickleReader}, and these only build plain data.
 */
public interface PickleGlobal {
    /**
     * The value of calling the global ({@code REDUCE}).
     *
     * @throws IllegalArgumentException if the arguments are not what the global takes; the message says what was wrong
     */
    Object call(List<?> arguments);

    /** An object that accepts a state ({@code BUILD}). */
    interface Buildable {
        /** @throws IllegalArgumentException if the state is not what the object takes */
        void build(Object state);
    }
}
