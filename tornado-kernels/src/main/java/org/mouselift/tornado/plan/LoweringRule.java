package org.mouselift.tornado.plan;

import org.mouselift.engine.Operation;

/** Turns one operation into kernel launches. */
@FunctionalInterface
public interface LoweringRule<O extends Operation> {
    void emit(O operation, Emission to);
}
